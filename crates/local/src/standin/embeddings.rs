//! OpenAI's embeddings, and the vectors that all embeddings share.

mod openai;
mod vector;

pub(super) use self::openai::OpenAi;
pub(super) use self::vector::Vector;

//! Images: Converse takes bytes, never addresses.

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Serialize;

use crate::converse::block::blob;

/// People write base64 with and without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An image in its own bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// How it is written.
    pub format: ImageFormat,
    /// Where it is.
    pub source: ImageSource,
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageSource {
    /// Here: the file.
    Bytes(#[serde(serialize_with = "blob")] Bytes),
}

/// The formats that Converse knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl Image {
    /// From a `data:` URL; `None` for addresses, other formats, and what is no base64.
    pub(super) fn from_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (head, data) = rest.split_once(',')?;
        let mut parameters = head.split(';');
        let format = ImageFormat::from_media_type(parameters.next()?)?;
        let is_base64 = parameters.any(|parameter| parameter.trim().eq_ignore_ascii_case("base64"));
        if !scheme.eq_ignore_ascii_case("data") || !is_base64 {
            return None;
        }
        let bytes = BASE64.decode(data.trim()).ok().filter(|bytes| !bytes.is_empty())?;
        Some(Self { format, source: ImageSource::Bytes(bytes.into()) })
    }
}

impl ImageFormat {
    fn from_media_type(media_type: &str) -> Option<Self> {
        match media_type.trim().to_ascii_lowercase().as_str() {
            "image/png" => Some(Self::Png),
            "image/jpeg" | "image/jpg" => Some(Self::Jpeg),
            "image/gif" => Some(Self::Gif),
            "image/webp" => Some(Self::Webp),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_read_from_data_urls_of_all_four_formats() {
        for (url, format) in [
            ("data:image/png;base64,aGk=", ImageFormat::Png),
            ("data:image/jpeg;base64,aGk", ImageFormat::Jpeg),
            ("DATA:IMAGE/JPG;BASE64,aGk=", ImageFormat::Jpeg),
            ("data:image/gif;charset=x;base64,aGk=", ImageFormat::Gif),
            ("data:image/webp;base64,aGk=", ImageFormat::Webp),
        ] {
            let image = Image { format, source: ImageSource::Bytes(Bytes::from_static(b"hi")) };

            assert_eq!(Image::from_url(url), Some(image), "{url}");
        }
    }

    #[test]
    fn what_is_no_image_in_bytes_is_not_read() {
        for url in [
            "https://example.com/a.png",
            "data:image/svg+xml;base64,aGk=",
            "data:image/png,hi",
            "data:image/png;base64,?",
            "data:image/png;base64,",
            "",
        ] {
            assert_eq!(Image::from_url(url), None, "{url}");
        }
    }
}

//! A request in the SDK's words, which Converse and ConverseStream share.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, AutoToolChoice, ContentBlock, ConversationRole, ImageBlock, ImageFormat as SdkImageFormat,
    ImageSource, InferenceConfiguration, JsonSchemaDefinition, Message, OutputConfig, OutputFormat,
    OutputFormatStructure, OutputFormatType, ReasoningContentBlock, ReasoningTextBlock, ServiceTier,
    ServiceTierType, SpecificToolChoice, SystemContentBlock, Tool, ToolChoice, ToolConfiguration,
    ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolSpecification, ToolUseBlock,
};
use aws_smithy_types::{Blob, Document};
use tollgate_core::converse::{
    Block, Choice, Content, ConverseRequest, Image, ImageFormat, Schema, Speaker, ToolSpec, Turn,
    request_metadata,
};
use tollgate_core::model::Identity;

use crate::bedrock::converse::document::to_document;

/// All but the guardrail, which streams have another type for.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) system: Option<Vec<SystemContentBlock>>,
    pub(super) messages: Vec<Message>,
    pub(super) inference: InferenceConfiguration,
    pub(super) tools: Option<ToolConfiguration>,
    pub(super) output: Option<OutputConfig>,
    pub(super) additional: Option<Document>,
    pub(super) metadata: HashMap<String, String>,
    pub(super) tier: Option<ServiceTier>,
}

impl Words {
    pub(super) fn new(request: &ConverseRequest, identity: &Identity<'_>) -> Result<Self, BuildError> {
        let system: Vec<_> = request.system.iter().cloned().map(SystemContentBlock::Text).collect();
        Ok(Self {
            system: (!system.is_empty()).then_some(system),
            messages: request.messages.iter().map(message).collect::<Result<_, _>>()?,
            inference: inference(request),
            tools: tools(request)?,
            output: request.schema.as_ref().map(output).transpose()?,
            additional: request.additional.as_ref().map(to_document),
            metadata: request_metadata(identity).into(),
            tier: request.service_tier.as_deref().map(tier).transpose()?,
        })
    }
}

fn message(turn: &Turn) -> Result<Message, BuildError> {
    let role = match turn.role {
        Speaker::User => ConversationRole::User,
        Speaker::Assistant => ConversationRole::Assistant,
    };
    let content = turn.content.iter().map(block).collect::<Result<_, _>>()?;
    Message::builder().role(role).set_content(Some(content)).build()
}

fn block(block: &Block) -> Result<ContentBlock, BuildError> {
    Ok(match block {
        Block::Text(text) => ContentBlock::Text(text.clone()),
        Block::Image(image) => ContentBlock::Image(picture(image)?),
        Block::ToolUse { tool_use_id, name, input } => {
            let call = ToolUseBlock::builder().tool_use_id(tool_use_id).name(name).input(to_document(input));
            ContentBlock::ToolUse(call.build()?)
        }
        Block::ToolResult { tool_use_id, content } => {
            let content = content.iter().map(shown).collect::<Result<_, _>>()?;
            let result = ToolResultBlock::builder().tool_use_id(tool_use_id).set_content(Some(content));
            ContentBlock::ToolResult(result.build()?)
        }
        Block::Reasoning { text, signature } => {
            let text = ReasoningTextBlock::builder().text(text).signature(signature).build()?;
            ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(text))
        }
        Block::Redacted(bytes) => {
            ContentBlock::ReasoningContent(ReasoningContentBlock::RedactedContent(Blob::new(bytes.to_vec())))
        }
    })
}

fn shown(content: &Content) -> Result<ToolResultContentBlock, BuildError> {
    Ok(match content {
        Content::Text(text) => ToolResultContentBlock::Text(text.clone()),
        Content::Image(image) => ToolResultContentBlock::Image(picture(image)?),
    })
}

fn picture(image: &Image) -> Result<ImageBlock, BuildError> {
    let format = match image.format {
        ImageFormat::Png => SdkImageFormat::Png,
        ImageFormat::Jpeg => SdkImageFormat::Jpeg,
        ImageFormat::Gif => SdkImageFormat::Gif,
        ImageFormat::Webp => SdkImageFormat::Webp,
    };
    let source = ImageSource::Bytes(Blob::new(image.bytes.to_vec()));
    ImageBlock::builder().format(format).source(source).build()
}

fn inference(request: &ConverseRequest) -> InferenceConfiguration {
    let stops = (!request.stop_sequences.is_empty()).then(|| request.stop_sequences.clone());
    InferenceConfiguration::builder()
        .max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX))
        .set_temperature(request.temperature)
        .set_top_p(request.top_p)
        .set_stop_sequences(stops)
        .build()
}

fn tools(request: &ConverseRequest) -> Result<Option<ToolConfiguration>, BuildError> {
    if request.tools.is_empty() {
        return Ok(None);
    }
    let choice = request.tool_choice.as_ref().map(choice).transpose()?;
    let tools = request.tools.iter().map(tool).collect::<Result<_, _>>()?;
    ToolConfiguration::builder().set_tools(Some(tools)).set_tool_choice(choice).build().map(Some)
}

fn tool(tool: &ToolSpec) -> Result<Tool, BuildError> {
    let spec = ToolSpecification::builder()
        .name(&tool.name)
        .set_description(tool.description.clone())
        .input_schema(ToolInputSchema::Json(to_document(&tool.input_schema)))
        .set_strict(tool.strict.then_some(true))
        .build()?;
    Ok(Tool::ToolSpec(spec))
}

fn choice(choice: &Choice) -> Result<ToolChoice, BuildError> {
    Ok(match choice {
        Choice::Auto => ToolChoice::Auto(AutoToolChoice::builder().build()),
        Choice::Any => ToolChoice::Any(AnyToolChoice::builder().build()),
        Choice::Tool(name) => ToolChoice::Tool(SpecificToolChoice::builder().name(name).build()?),
    })
}

fn output(schema: &Schema) -> Result<OutputConfig, BuildError> {
    let definition = JsonSchemaDefinition::builder()
        .schema(&schema.schema)
        .name(&schema.name)
        .set_description(schema.description.clone())
        .build()?;
    let format = OutputFormat::builder()
        .r#type(OutputFormatType::JsonSchema)
        .structure(OutputFormatStructure::JsonSchema(definition))
        .build()?;
    Ok(OutputConfig::builder().text_format(format).build())
}

fn tier(name: &str) -> Result<ServiceTier, BuildError> {
    ServiceTier::builder().r#type(ServiceTierType::from(name)).build()
}

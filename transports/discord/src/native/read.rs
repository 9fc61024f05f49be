//! From an interaction to what somebody wants, purely.
//!
//! What it means is decided beside this (`interactions.rs`): here nothing is known of commands and buttons.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serenity::model::application::{
    ActionRowComponent, CommandData, CommandDataOption, CommandDataOptionValue, CommandInteraction,
    CommandType, ComponentInteraction, ComponentInteractionDataKind, Interaction, ModalInteraction,
};
use serenity::model::channel::{self, ChannelType, MessageFlags, PartialChannel};
use serenity::model::guild::Member;
use serenity::model::id::{ApplicationId, ChannelId, InteractionId};
use serenity::model::user::User;
use takopi_core::id::InstanceId;
use takopi_core::message::{Address, Attachment, AttachmentKind, MessageRef, Sender};
use takopi_core::settings::Secret;
use takopi_core::time::Timestamp;

use super::rest::Key;

/// Where an interaction comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    /// Its id.
    pub(crate) id: u64,
    /// What answers it.
    pub(crate) key: Key,
    /// Where it was given.
    pub(crate) address: Address,
    /// Whether a message there opens a thread of its own.
    pub(crate) opens_threads: bool,
    /// Who gave it.
    pub(crate) sender: Sender,
    /// When, by Discord's clock.
    pub(crate) made: Timestamp,
    /// The largest files that may be sent in answer to it, in bytes together.
    pub(crate) max_upload: u64,
}

impl Origin {
    /// Returns the interaction as a message: what replies to it name.
    pub(crate) fn message(&self) -> MessageRef {
        MessageRef { address: self.address.clone(), id: self.key.interaction.clone() }
    }
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// To give a command.
    Command {
        /// Its name.
        name: String,
        /// What was given beside it.
        given: Given,
    },
    /// To give a command about a message.
    OnMessage {
        /// What the message says.
        text: String,
        /// Its files.
        files: Vec<Attachment>,
    },
    /// To be told what could be typed.
    Choices {
        /// The command.
        name: String,
        /// The option.
        option: String,
        /// What is typed so far.
        typed: String,
        /// What is given beside it.
        given: Given,
    },
    /// To do what a button or a menu does.
    Press {
        /// The message that carries it.
        message: MessageRef,
        /// What it carries.
        custom_id: String,
        /// What was chosen from a menu.
        values: Vec<String>,
    },
    /// To hand in a form.
    Form {
        /// The message whose button opened it.
        message: Option<MessageRef>,
        /// What the form carries.
        custom_id: String,
        /// What was typed, by field.
        fields: Map<String, Value>,
    },
    /// Something that does not concern us.
    Nothing,
}

/// What was given beside a command.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// The sub-command: the options are its own.
    pub(crate) verb: Option<String>,
    /// Texts by option.
    pub(crate) texts: BTreeMap<String, String>,
    /// Files.
    pub(crate) files: Vec<Attachment>,
}

/// Reads an interaction; `None` for Discord's own question whether we are there. `say` tells what a message says.
pub(crate) fn read(
    instance: &InstanceId,
    interaction: Interaction,
    say: impl Fn(&channel::Message) -> String,
) -> Option<(Origin, Wish)> {
    match interaction {
        Interaction::Command(command) => {
            let wish = commanded(&command.data, say);
            Some((of_command(instance, command), wish))
        }
        Interaction::Autocomplete(command) => {
            let wish = half_typed(&command.data);
            Some((of_command(instance, command), wish))
        }
        Interaction::Component(pressed) => Some(read_press(instance, pressed)),
        Interaction::Modal(form) => Some(read_form(instance, form)),
        _ => None,
    }
}

/// The parts that interactions of all kinds have.
struct Parts<'a> {
    id: InteractionId,
    application: ApplicationId,
    token: String,
    channel: Option<&'a PartialChannel>,
    channel_id: ChannelId,
    member: Option<&'a Member>,
    user: &'a User,
    max_upload: u32,
}

fn origin(instance: &InstanceId, parts: Parts<'_>) -> Origin {
    let Parts { id, application, token, channel, channel_id, member, user, max_upload } = parts;
    let kind = channel.map(|channel| channel.kind);
    let thread_kinds = [ChannelType::PublicThread, ChannelType::PrivateThread, ChannelType::NewsThread];
    let parent = channel.filter(|channel| thread_kinds.contains(&channel.kind)).and_then(|it| it.parent_id);
    let (chat, thread) = match parent {
        Some(parent) => (parent, Some(channel_id.to_string())),
        None => (channel_id, None),
    };
    let name = member.map_or_else(|| user.display_name(), Member::display_name).to_owned();
    Origin {
        id: id.get(),
        key: Key {
            application: application.to_string(),
            interaction: id.to_string(),
            token: Secret::new(token),
        },
        address: Address { instance: instance.clone(), chat: chat.to_string(), thread },
        opens_threads: matches!(kind, Some(ChannelType::Text | ChannelType::News)),
        sender: Sender { id: user.id.to_string(), name, is_bot: user.bot },
        made: Timestamp::from_unix_ms(made_at(id.get())),
        max_upload: u64::from(max_upload),
    }
}

/// When Discord's ids begin to count: 2015-01-01 (Discord, "Snowflakes").
const EPOCH_MS: u64 = 1_420_070_400_000;

/// Returns when an id was made, in milliseconds since 1970.
fn made_at(id: u64) -> i64 {
    i64::try_from((id >> 22) + EPOCH_MS).unwrap_or(i64::MAX)
}

fn of_command(instance: &InstanceId, command: CommandInteraction) -> Origin {
    let parts = Parts {
        id: command.id,
        application: command.application_id,
        token: command.token,
        channel: command.channel.as_ref(),
        channel_id: command.channel_id,
        member: command.member.as_deref(),
        user: &command.user,
        max_upload: command.attachment_size_limit,
    };
    origin(instance, parts)
}

fn commanded(data: &CommandData, say: impl Fn(&channel::Message) -> String) -> Wish {
    match data.kind {
        CommandType::ChatInput => Wish::Command { name: data.name.clone(), given: given(data) },
        CommandType::Message => {
            let Some(target) = data.target_id else { return Wish::Nothing };
            let Some(message) = data.resolved.messages.get(&target.to_message_id()) else {
                return Wish::Nothing;
            };
            let is_voice = message.flags.is_some_and(|it| it.contains(MessageFlags::IS_VOICE_MESSAGE));
            let files = message.attachments.iter().map(|file| attachment(file, is_voice)).collect();
            Wish::OnMessage { text: say(message), files }
        }
        _ => Wish::Nothing,
    }
}

fn half_typed(data: &CommandData) -> Wish {
    let Some(half) = data.autocomplete() else { return Wish::Nothing };
    let (option, typed) = (half.name.to_owned(), half.value.to_owned());
    Wish::Choices { name: data.name.clone(), option, typed, given: given(data) }
}

fn given(data: &CommandData) -> Given {
    let mut given = Given::default();
    let options = match data.options.as_slice() {
        [CommandDataOption { name, value: CommandDataOptionValue::SubCommand(options), .. }] => {
            given.verb = Some(name.clone());
            options
        }
        options => options,
    };
    for option in options {
        let text = match &option.value {
            CommandDataOptionValue::String(text) => text.clone(),
            CommandDataOptionValue::Boolean(is) => is.to_string(),
            CommandDataOptionValue::Integer(number) => number.to_string(),
            CommandDataOptionValue::Number(number) => number.to_string(),
            CommandDataOptionValue::Attachment(id) => {
                given.files.extend(data.resolved.attachments.get(id).map(|file| attachment(file, false)));
                continue;
            }
            _ => continue,
        };
        given.texts.insert(option.name.clone(), text);
    }
    given
}

fn attachment(file: &channel::Attachment, is_voice: bool) -> Attachment {
    let is_picture = file.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
    let kind = match (is_voice, is_picture) {
        (true, _) => AttachmentKind::Voice,
        (_, true) => AttachmentKind::Image,
        _ => AttachmentKind::File,
    };
    let (name, bytes) = (Some(file.filename.clone()), Some(u64::from(file.size)));
    Attachment { handle: file.url.clone(), kind, name, bytes }
}

fn read_press(instance: &InstanceId, pressed: ComponentInteraction) -> (Origin, Wish) {
    let parts = Parts {
        id: pressed.id,
        application: pressed.application_id,
        token: pressed.token,
        channel: pressed.channel.as_ref(),
        channel_id: pressed.channel_id,
        member: pressed.member.as_ref(),
        user: &pressed.user,
        max_upload: pressed.attachment_size_limit,
    };
    let origin = origin(instance, parts);
    let message = MessageRef { address: origin.address.clone(), id: pressed.message.id.to_string() };
    let values = match pressed.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => values,
        _ => Vec::new(),
    };
    let wish = Wish::Press { message, custom_id: pressed.data.custom_id, values };
    (origin, wish)
}

fn read_form(instance: &InstanceId, form: ModalInteraction) -> (Origin, Wish) {
    let parts = Parts {
        id: form.id,
        application: form.application_id,
        token: form.token,
        channel: form.channel.as_ref(),
        channel_id: form.channel_id,
        member: form.member.as_ref(),
        user: &form.user,
        max_upload: form.attachment_size_limit,
    };
    let origin = origin(instance, parts);
    let at = |id: String| MessageRef { address: origin.address.clone(), id };
    let message = form.message.as_ref().map(|message| at(message.id.to_string()));
    let mut fields = Map::new();
    for part in form.data.components.into_iter().flat_map(|row| row.components) {
        if let ActionRowComponent::InputText(input) = part {
            fields.insert(input.custom_id, Value::String(input.value.unwrap_or_default()));
        }
    }
    (origin, Wish::Form { message, custom_id: form.data.custom_id, fields })
}

#[cfg(test)]
mod tests;

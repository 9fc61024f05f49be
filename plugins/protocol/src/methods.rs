//! All methods in one list, for what is made of all of them: the schema, and the check of the documentation.

use crate::{Method, Notification, command, engine, host, life, transport};

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Takopi,
    Plugin,
    Both,
}

/// What a visitor may ask of a type.
#[cfg(feature = "schema")]
pub(crate) trait Shown: schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> Shown for T {}

/// What a visitor may ask of a type.
#[cfg(not(feature = "schema"))]
pub(crate) trait Shown {}
#[cfg(not(feature = "schema"))]
impl<T> Shown for T {}

/// Sees every method once.
pub(crate) trait Visitor {
    fn request<M: Method<Result: Shown> + Shown>(&mut self, from: Speaker);
    fn notification<N: Notification + Shown>(&mut self, from: Speaker);
}

/// Shows every method, in the order of the documentation.
pub(crate) fn visit(visitor: &mut impl Visitor) {
    use Speaker::{Both, Plugin, Takopi};
    visitor.request::<life::Initialize>(Takopi);
    visitor.notification::<life::Ready>(Takopi);
    visitor.request::<life::Ping>(Takopi);
    visitor.request::<life::CheckConfig>(Takopi);
    visitor.request::<life::Shutdown>(Takopi);
    visitor.notification::<life::Exit>(Takopi);
    visitor.notification::<life::Cancel>(Both);
    visitor.notification::<life::Log>(Plugin);
    visitor.request::<engine::Run>(Takopi);
    visitor.notification::<engine::Event>(Plugin);
    visitor.request::<engine::Ask>(Plugin);
    visitor.request::<engine::Steer>(Takopi);
    visitor.request::<engine::AskChoices>(Takopi);
    visitor.request::<transport::Start>(Takopi);
    visitor.request::<transport::Stop>(Takopi);
    visitor.request::<transport::Inbound>(Plugin);
    visitor.request::<transport::Send>(Takopi);
    visitor.request::<transport::Edit>(Takopi);
    visitor.request::<transport::Delete>(Takopi);
    visitor.request::<transport::Fetch>(Takopi);
    visitor.request::<transport::Menu>(Takopi);
    visitor.request::<command::Call>(Takopi);
    visitor.request::<host::Send>(Plugin);
    visitor.request::<host::Run>(Plugin);
    visitor.request::<host::RunMany>(Plugin);
    visitor.request::<host::AskEngines>(Plugin);
    visitor.request::<host::Resolve>(Plugin);
    visitor.request::<host::Get>(Plugin);
    visitor.request::<host::Put>(Plugin);
    visitor.notification::<host::Release>(Plugin);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Names(Vec<&'static str>);

    impl Visitor for Names {
        fn request<M: Method<Result: Shown> + Shown>(&mut self, _from: Speaker) {
            self.0.push(M::NAME);
        }

        fn notification<N: Notification + Shown>(&mut self, _from: Speaker) {
            self.0.push(N::NAME);
        }
    }

    #[test]
    fn no_method_is_forgotten() {
        let mut listed = Names::default();
        visit(&mut listed);
        let mut there: Vec<_> =
            [life::NAMES, engine::NAMES, transport::NAMES, command::NAMES, host::NAMES].concat();
        listed.0.sort_unstable();
        there.sort_unstable();
        assert_eq!(listed.0, there);
    }
}

//! How the service in memory is set up, before anybody uses it.

use super::FakeTransport;
use crate::gather::Windows;
use crate::port::transport::{Admission, FilePolicy, TransportSpec};

impl FakeTransport {
    /// Lets files come and go.
    #[must_use]
    pub fn with_files(mut self, files: FilePolicy) -> Self {
        self.files = Some(files);
        self
    }

    /// Makes its only person one who does not manage the chat.
    #[must_use]
    pub fn with_member(mut self) -> Self {
        self.is_member = true;
        self
    }

    /// Changes what is known of it.
    #[must_use]
    pub fn with_spec(mut self, change: impl FnOnce(&mut TransportSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    /// Lets what is said there wait that long for what belongs with it.
    #[must_use]
    pub fn with_windows(mut self, windows: Windows) -> Self {
        self.windows = windows;
        self
    }

    /// Lets every chat be one of several people.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Lets it speak there as this account.
    #[must_use]
    pub fn as_account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Admits nobody.
    #[must_use]
    pub fn admitting(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }
}

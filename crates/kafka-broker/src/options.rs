//! What a test may ask of a broker.

use std::time::Duration;

use crate::installation::Installation;

/// How a broker is started. The default is one plaintext listener, 512 MB of heap, and few partitions in the internal
/// topics, so that it is up in two seconds.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) has_only_these: bool,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) heap_mb: u32,
    pub(crate) port: Option<u16>,
    pub(crate) advertised: Option<u16>,
    pub(crate) tls: bool,
    pub(crate) users: Vec<(String, String)>,
    pub(crate) acls: bool,
    pub(crate) comes_back: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (properties, environment, users) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            properties,
            has_only_these: false,
            environment,
            heap_mb: 512,
            port: None,
            advertised: None,
            tls: false,
            users,
            acls: false,
            comes_back: false,
        }
    }
}

impl Options {
    /// One plaintext listener, nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// Clients speak TLS; the authority to believe is [`Broker::authority`](crate::Broker::authority).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Clients speak TLS and log in, this user among others, by `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    ///
    /// # Panics
    /// When name or password hold a quote, a comma or the like: the broker's own syntax would have to be escaped.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        assert!(is_plain(name) && is_plain(password), "letters, digits, `-`, `_` and `.` will do for a test");
        self.users.push((name.to_owned(), password.to_owned()));
        self.tls()
    }

    /// Users may do nothing but what [`Broker::allow`](crate::Broker::allow) allows. Needs a [`user`](Self::user).
    #[must_use]
    pub fn acls(mut self) -> Self {
        self.acls = true;
        self
    }

    /// It is to be killed and to come back soon. Its controllers give a life up that said nothing for two seconds instead of
    /// nine, and only then the next one may begin. Not for others: on a busy machine one that merely hangs for so long is given
    /// up too, and then there are no brokers for a moment.
    #[must_use]
    pub fn comes_back(mut self) -> Self {
        self.comes_back = true;
        self
    }

    /// A line of `server.properties`; it wins over what this crate writes there.
    #[must_use]
    pub fn property(mut self, key: &str, value: impl ToString) -> Self {
        self.properties.push((key.to_owned(), value.to_string()));
        self
    }

    /// The lines of `server.properties`, all of them: this crate adds nothing of its own. Where such a broker listens, its
    /// lines say; [`Broker::bootstrap`](crate::Broker::bootstrap) does not know.
    #[must_use]
    pub fn only(mut self, properties: impl IntoIterator<Item = (String, String)>) -> Self {
        self.properties.extend(properties);
        self.has_only_these = true;
        self
    }

    /// The broker's clock is wrong by so much ([`clock_ahead`]).
    #[must_use]
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.environment.extend(clock_ahead(by));
        self
    }

    /// A variable of the broker's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// The port for clients, of a broker that stands alone; else a free one is found.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The port of 127.0.0.1 that clients are sent to instead of the broker's own, where something stands in between.
    #[must_use]
    pub fn advertised_port(mut self, port: u16) -> Self {
        self.advertised = Some(port);
        self
    }

    /// The largest heap in MB.
    #[must_use]
    pub fn heap_mb(mut self, heap_mb: u32) -> Self {
        self.heap_mb = heap_mb;
        self
    }

    /// What the client's listener speaks.
    pub(crate) fn protocol(&self) -> &'static str {
        match (self.tls, self.users.is_empty()) {
            (false, _) => "PLAINTEXT",
            (true, true) => "SSL",
            (true, false) => "SASL_SSL",
        }
    }
}

/// Variables that put a process's clock ahead, any program's that uses the C library. What it waits for by the monotonic
/// clock comes in time. Linux only.
///
/// # Panics
/// When `make tools` has not been run.
pub fn clock_ahead(by: Duration) -> [(String, String); 2] {
    let library = Installation::find().clock();
    [("LD_PRELOAD".to_owned(), library), ("CLOCK_AHEAD_SECONDS".to_owned(), by.as_secs().to_string())]
}

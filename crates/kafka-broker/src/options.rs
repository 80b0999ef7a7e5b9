//! What a test may ask of a broker.

/// How a broker is started. The default is one plaintext listener, 512 MB of heap, and few partitions in the internal
/// topics, so that it is up in two seconds.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) heap_mb: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { properties: Vec::new(), environment: Vec::new(), heap_mb: 512 }
    }
}

impl Options {
    /// One plaintext listener, nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of `server.properties`; it wins over what this crate writes there.
    #[must_use]
    pub fn property(mut self, key: &str, value: impl ToString) -> Self {
        self.properties.push((key.to_owned(), value.to_string()));
        self
    }

    /// A variable of the broker's environment, such as `LD_PRELOAD` for a clock that goes wrong.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// The largest heap in MB.
    #[must_use]
    pub fn heap_mb(mut self, heap_mb: u32) -> Self {
        self.heap_mb = heap_mb;
        self
    }
}

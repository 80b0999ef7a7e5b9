//! Where Kafka's jars are, and how Java runs them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The folder that `tools/kafka/fetch.sh` fills.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    folder: PathBuf,
}

impl Installation {
    /// `TOOLS_KAFKA` if it is set, else where `make tools` puts the jars.
    pub(crate) fn find() -> Self {
        let folder = match std::env::var_os("TOOLS_KAFKA") {
            Some(folder) => PathBuf::from(folder),
            None => cache().join(format!("kafka-{}", version())),
        };
        let there = folder.join("libs").is_dir();
        assert!(there, "Apache Kafka is not in {}: run `make tools`, which fetches it", folder.display());
        Self { folder }
    }

    /// Java with Kafka's classes. The small compiler and collector start fastest; so does the class archive, which Java
    /// ignores where it does not fit.
    pub(crate) fn java(&self, heap_mb: u32, log: &str, class: &str) -> Vec<OsString> {
        let mut java: Vec<OsString> =
            ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xlog:disable", "-Xlog:all=error:stderr"]
                .map(OsString::from)
                .into();
        java.push(format!("-Xmx{heap_mb}m").into());
        let logging = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/kafka/log4j2.properties");
        java.extend([format!("-Dlog4j2.configurationFile={logging}").into(), format!("-Dtributary.log={log}").into()]);
        let mut archive = OsString::from("-XX:SharedArchiveFile=");
        archive.push(self.folder.join("broker.jsa"));
        java.push(archive);
        java.extend(["-cp".into(), self.folder.join("libs/*").into_os_string(), class.into()]);
        java
    }

    /// The library that makes a clock wrong.
    pub(crate) fn clock(&self) -> String {
        let library = self.folder.join("clock.so");
        assert!(library.is_file(), "{} is not there: run `make tools`, which makes it", library.display());
        library.display().to_string()
    }

    /// One of Kafka's command line tools.
    pub(crate) fn tool(&self, class: &str) -> Command {
        let java = self.java(128, "warn", class);
        let mut command = Command::new(&java[0]);
        command.args(&java[1..]);
        command
    }
}

/// One of the programs in Kafka's jars, by its class, with nothing of this crate's but Java.
///
/// # Panics
/// When the jars are missing.
pub fn program(class: &str) -> Command {
    Installation::find().tool(class)
}

fn cache() -> PathBuf {
    let folder = std::env::var_os("TOOLS_CACHE").map(PathBuf::from);
    folder.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/tributary"))
}

/// The version stands in the pom alone.
fn version() -> &'static str {
    let pom = include_str!("../../../tools/kafka/pom.xml");
    let (_, rest) = pom.split_once("<kafka.version>").expect("the pom names the version");
    rest.split_once('<').expect("the element ends").0
}

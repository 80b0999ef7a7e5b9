//! Where settings come from: flag beats variable beats file beats default.
//!
//! Variables and the file become defaults of the command line before it is read, so that each setting is
//! defined, checked and documented in one place: its flag.

mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Parser};

use crate::settings::{HasSettings, Misfit, every_setting};

/// What the names of variables begin with.
const PREFIX: &str = "TRIBUTARY_";

/// A command line, a variable or a file that cannot be used. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an error: the text that `--help` or `--version` asked for.
    #[error("{0}")]
    Help(String),
    /// The command line is wrong.
    #[error("{0}")]
    CommandLine(String),
    /// A variable or a key that is no setting.
    #[error("{origin}: there is no such setting; did you mean {suggestion}?")]
    Unknown {
        /// What was given, and where.
        origin: Origin,
        /// The nearest name that there is, written as it was given.
        suggestion: String,
    },
    /// A value that does not fit its setting.
    #[error("{origin}: {why}")]
    Value {
        /// The setting, and where it was given.
        origin: Origin,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// Two values that do not fit each other.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The file cannot be read, or is no TOML.
    #[error("--config {}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Where a setting was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A variable of this name.
    Variable(String),
    /// A key of this name in this file.
    Key(String, PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Key(key, path) => write!(f, "`{key}` in {}", path.display()),
        }
    }
}

/// A setting that was given outside the command line.
#[derive(Debug)]
struct Given {
    origin: Origin,
    values: Vec<OsString>,
}

/// Settings by the long name of their flag.
type Settings<T> = BTreeMap<String, T>;

/// Reads the process's own command line, variables and file, and holds the settings against each other. Help goes to stdout; an
/// error ends the process with one line on stderr and code 2.
pub fn parse_or_exit<P: Parser + HasSettings>() -> P {
    let parsed = parse(std::env::args_os(), std::env::vars_os()).and_then(|parsed: P| {
        parsed.together().check()?;
        Ok(parsed)
    });
    match parsed {
        Ok(parsed) => parsed,
        // Where it goes may be full, or somebody has read enough of it: no reason to end by a panic.
        Err(ConfigError::Help(text)) => {
            let _ = io::stdout().write_all(text.as_bytes());
            std::process::exit(0)
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            std::process::exit(2)
        }
    }
}

/// Reads a command line (with the program's name first) over variables, over the file that `--config` or
/// `TRIBUTARY_CONFIG` names. Variables without the prefix are ignored, as are empty ones.
pub fn parse<P: Parser>(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<P, ConfigError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = P::command().arg(config_flag()).after_help(
        "Each flag is also a variable (--flush-interval: TRIBUTARY_FLUSH_INTERVAL) and a key of the TOML file that \
         --config names (flush-interval); flag beats variable beats file.",
    );
    let mut known = Settings::new();
    collect_flags(&every_setting(), &mut known);
    collect_flags(&command, &mut known);

    let mut variables = read_variables(variables, &known)?;
    let path =
        config_path(&args).or_else(|| variables.remove("config").and_then(|given| given.values.into_iter().next()));
    let mut given = path.map(|path| file::read(&PathBuf::from(path), &known)).transpose()?.unwrap_or_default();
    given.append(&mut variables);
    for (name, given) in &given {
        check(&known[name], given)?;
    }
    let matches = with_defaults(command, &given).try_get_matches_from(args).map_err(|error| on_command_line(&error))?;
    P::from_arg_matches(&matches).map_err(|error| on_command_line(&error))
}

fn config_flag() -> Arg {
    Arg::new("config").long("config").value_name("FILE").global(true).help("TOML file with settings")
}

/// The value of `--config`, found before anything else is read: the file has a say in how the rest is read.
fn config_path(args: &[OsString]) -> Option<OsString> {
    let mut args = args.iter().skip(1).take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == "--config" {
            return args.next().cloned();
        }
        if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    None
}

fn collect_flags(command: &Command, known: &mut Settings<Arg>) {
    for arg in command.get_arguments() {
        if let Some(long) = arg.get_long() {
            known.insert(long.to_owned(), arg.clone());
        }
    }
    for subcommand in command.get_subcommands() {
        collect_flags(subcommand, known);
    }
}

fn read_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: &Settings<Arg>,
) -> Result<Settings<Given>, ConfigError> {
    let variable = |long: &str| format!("{PREFIX}{}", long.replace('-', "_").to_uppercase());
    let mut given = Settings::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        // Passwords have no flag: a command line is seen by everybody on the machine. Who opens Kafka asks for them.
        if value.is_empty() || bus::kafka::properties::VARIABLES.contains(&name) {
            continue;
        }
        let origin = Origin::Variable(name.to_owned());
        match known.keys().find(|long| variable(long) == name) {
            Some(long) => given.insert(long.clone(), Given { origin, values: vec![value] }),
            None => return Err(unknown(origin, name, known.keys().map(|long| variable(long)))),
        };
    }
    Ok(given)
}

/// The error for a name that is none, with the nearest that is one.
fn unknown(origin: Origin, name: &str, names: impl Iterator<Item = String>) -> ConfigError {
    let nearest = names.min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate));
    ConfigError::Unknown { origin, suggestion: nearest.unwrap_or_default() }
}

/// Reads the values as their flag would, alone, so that the error can say where they came from.
fn check(flag: &Arg, given: &Given) -> Result<(), ConfigError> {
    let error = |why: String| ConfigError::Value { origin: given.origin.clone(), why };
    if !flag.get_action().takes_values() {
        let is_bool = given.values.iter().all(|value| value == "true" || value == "false");
        return if is_bool { Ok(()) } else { Err(error("write true or false".to_owned())) };
    }
    if given.values.len() != 1 && !matches!(flag.get_action(), ArgAction::Append) {
        return Err(error("it takes one value".to_owned()));
    }
    for value in &given.values {
        let alone = Arg::new("value").value_parser(flag.get_value_parser().clone()).allow_hyphen_values(true);
        let read =
            Command::new("check").no_binary_name(true).arg(alone).try_get_matches_from([OsStr::new("--"), value]);
        read.map_err(|clap| {
            let source = std::error::Error::source(&clap).map(ToString::to_string);
            error(source.unwrap_or_else(|| one_line(&clap).replace(" for '[value]'", "")))
        })?;
    }
    Ok(())
}

fn with_defaults(command: Command, given: &Settings<Given>) -> Command {
    let command = command.mut_args(|arg| match arg.get_long().and_then(|long| given.get(long)) {
        Some(given) => arg.required(false).default_values(given.values.clone()),
        None => arg,
    });
    command.mut_subcommands(|subcommand| with_defaults(subcommand, given))
}

fn on_command_line(error: &clap::Error) -> ConfigError {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ConfigError::Help(error.to_string())
        }
        ErrorKind::ValueValidation if has_login(error) => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            ConfigError::CommandLine(why.unwrap_or_default())
        }
        _ => ConfigError::CommandLine(one_line(error)),
    }
}

/// Whether the value may hold a password, which clap would say again.
fn has_login(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.contains('@'))
}

/// What clap says over several lines, without the usage.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let line =
        said.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

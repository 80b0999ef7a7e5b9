use std::io::Write;

use clap::{Args, Subcommand};

use super::*;
use crate::settings::{BusArgs, LogArgs, WindowArgs};

#[derive(Parser, Debug)]
#[command(name = "sessionizer")]
struct Cli {
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    windows: WindowArgs,
    #[command(flatten)]
    log: LogArgs,
}

fn read_with<P: Parser>(args: &[&str], variables: &[(&str, &str)]) -> Result<P, ConfigError> {
    let args = std::iter::once("program").chain(args.iter().copied()).map(OsString::from);
    parse(args, variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<Cli, ConfigError> {
    read_with(args, variables)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The error for a file with this text, with the file's name made stable.
fn error_of_file(text: &str) -> String {
    let file = file(text);
    let path = file.path().to_str().unwrap();
    read(&["--config", path], &[]).unwrap_err().to_string().replace(path, "FILE")
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let file = file("gap = '1m'\nlateness = '1m'\nmax-session = '1m'\n");
    let path = file.path().to_str().unwrap();
    let variables = [("TRIBUTARY_GAP", "2m"), ("TRIBUTARY_LATENESS", "2m"), ("HOME", "/"), ("TRIBUTARY_CONFIG", path)];
    let windows = read(&["--gap", "3m"], &variables).unwrap().windows;
    let spans = [windows.gap, windows.lateness, windows.max_session, windows.idle_interval];
    assert_eq!(spans.map(|span| span.to_string()), ["3m", "2m", "1m", "10s"]);
}

#[test]
fn the_flag_names_the_file_before_the_variable_does() {
    let file = file("gap = '7m'");
    let path = format!("--config={}", file.path().display());
    assert_eq!(read(&[&path], &[("TRIBUTARY_CONFIG", "/absent")]).unwrap().windows.gap.to_string(), "7m");
}

#[test]
fn logins_of_kafka_are_variables_without_a_flag() {
    for name in bus::kafka::properties::VARIABLES {
        read(&[], &[(name, "secret")]).unwrap();
    }
    let error = read(&[], &[("TRIBUTARY_KAFKA_CONFG", "secret")]).unwrap_err().to_string();
    assert_eq!(error, "variable TRIBUTARY_KAFKA_CONFG: there is no such setting; did you mean TRIBUTARY_KAFKA_CONFIG?");
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let settings = every_setting();
    let defaults = settings.get_arguments().map(|arg| {
        let default = arg.get_default_values().first().map_or("-", |value| value.to_str().unwrap());
        format!("--{} {default}", arg.get_long().unwrap())
    });
    insta::assert_snapshot!(defaults.collect::<Vec<_>>().join("\n"), @"
    --data ./data
    --bus -
    --kafka-config -
    --topic-prefix clickstream.
    --partitions 4
    --create-topics true
    --replication-factor 1
    --retention 7d
    --retention-bytes -
    --instance-id -
    --lake -
    --flush-interval -
    --target-file-size 128MiB
    --memory 512MiB
    --zstd-level 1
    --longest-pause 24h
    --listen 127.0.0.1:8080
    --collect-path /collect
    --tracker-path /tracker.js
    --max-body 1MiB
    --max-request-hits 1000
    --max-connections 10000
    --max-in-flight 32MiB
    --read-timeout 30s
    --publish-timeout 10s
    --access-log-sample 0
    --tls-certificate -
    --tls-key -
    --max-requests 8192
    --max-queued 48MiB
    --max-address-rate 0
    --max-visitor-rate 1000
    --sites -
    --trusted-proxies -
    --geoip -
    --spool -
    --spool-size 1GiB
    --spool-after 1s
    --admin 127.0.0.1:9090
    --drain-timeout 10s
    --gap 30m
    --lateness 10m
    --max-session 24h
    --max-open-sessions 1000000
    --idle-interval 10s
    --commit-interval 200ms
    --commit-records 100000
    --commit-bytes 8MiB
    --log -
    --log-format auto
    ");
    assert_eq!(read(&[], &[]).unwrap().bus.url().to_string(), "embedded:./data/bus");
}

#[test]
fn keys_may_have_underscores_and_values_may_be_numbers() {
    let file = file("max_open_sessions = 7\npartitions = 2\n");
    let cli = read(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
    assert_eq!((cli.windows.max_open_sessions, cli.bus.partitions), (7, 2));
}

#[test]
fn settings_of_other_binaries_may_stand_in_the_file_and_are_still_checked() {
    let good = file("lake = 's3://bucket'\n");
    read(&["--config", good.path().to_str().unwrap()], &[("TRIBUTARY_LISTEN", "0.0.0.0:80")]).unwrap();
    let error = read(&[], &[("TRIBUTARY_LISTEN", "8080")]).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"variable TRIBUTARY_LISTEN: `8080` is no address: write IP:PORT, such as 127.0.0.1:8080");
}

#[test]
fn an_empty_variable_is_none() {
    assert_eq!(read(&[], &[("TRIBUTARY_GAP", "")]).unwrap().windows.gap.to_string(), "30m");
}

#[test]
fn what_is_no_setting_is_named_with_the_nearest() {
    insta::assert_snapshot!(error_of_file("latenes = '1m'"), @"`latenes` in FILE: there is no such setting; did you mean lateness?");
    insta::assert_snapshot!(read(&[], &[("TRIBUTARY_GAPS", "1m")]).unwrap_err(), @"variable TRIBUTARY_GAPS: there is no such setting; did you mean TRIBUTARY_GAP?");
    insta::assert_snapshot!(read(&["--latenes", "1m"], &[]).unwrap_err(), @"unexpected argument '--latenes' found; a similar argument exists: '--lateness'");
}

#[test]
fn a_bad_value_names_the_setting_where_it_came_from_and_the_way_out() {
    insta::assert_snapshot!(error_of_file("gap = 30"), @"`gap` in FILE: `30` is no duration: write a whole number and a unit, such as 5ms, 200s, 30m, 24h or 7d");
    insta::assert_snapshot!(error_of_file("gap = '0s'"), @"`gap` in FILE: `0s` is too short: write at least 1ms");
    insta::assert_snapshot!(error_of_file("gap = ['1m', '2m']"), @"`gap` in FILE: it takes one value");
    insta::assert_snapshot!(error_of_file("[gap]\nminutes = 3"), @"`gap` in FILE: it is a table; write a text, a number, true or false");
    insta::assert_snapshot!(read(&[], &[("TRIBUTARY_BUS", "redis://a")]).unwrap_err(), @"variable TRIBUTARY_BUS: `redis://a` is no bus: write embedded:PATH or kafka://HOST:PORT,HOST:PORT");
    insta::assert_snapshot!(read(&[], &[("TRIBUTARY_LOG_FORMAT", "xml")]).unwrap_err(), @"variable TRIBUTARY_LOG_FORMAT: invalid value 'xml' [possible values: auto, human, json]");
    insta::assert_snapshot!(read(&["--gap", "30"], &[]).unwrap_err(), @"invalid value '30' for '--gap <SPAN>': `30` is no duration: write a whole number and a unit, such as 5ms, 200s, 30m, 24h or 7d");
    insta::assert_snapshot!(read(&["--partitions", "0"], &[]).unwrap_err(), @"invalid value '0' for '--partitions <N>': 0 is not in 1..=1024");
    insta::assert_snapshot!(read(&["--gap"], &[]).unwrap_err(), @"a value is required for '--gap <SPAN>' but none was supplied");
}

#[test]
fn a_file_that_cannot_be_read_is_one_line_with_the_place() {
    insta::assert_snapshot!(error_of_file("gap = '1m'\n  lateness 5\n"), @"--config FILE: line 2, column 12: key with no value, expected `=`");
    insta::assert_snapshot!(error_of_file("max-session = '1m'\nmax_session = '2m'\n"), @"--config FILE: `max-session` stands there twice, with dashes and with underscores");
    insta::assert_snapshot!(read(&["--config", "/absent.toml"], &[]).unwrap_err(), @"--config /absent.toml: No such file or directory (os error 2)");
}

#[test]
fn help_is_no_error_and_tells_of_variables() {
    let Err(ConfigError::Help(text)) = read(&["--help"], &[("TRIBUTARY_GAP", "45m")]) else { panic!("no help") };
    assert!(text.contains("TRIBUTARY_FLUSH_INTERVAL"), "{text}");
    assert!(text.contains("[default: 45m]"), "what holds here and now is shown: {text}");
}

#[derive(Parser, Debug)]
#[command(args_conflicts_with_subcommands = true)]
struct Nested {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    windows: WindowArgs,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Replay(Replay),
}

#[derive(Args, Debug)]
struct Replay {
    #[arg(long)]
    json: bool,
    #[arg(long, required = true)]
    format: String,
    #[command(flatten)]
    windows: WindowArgs,
}

#[test]
fn subcommands_are_given_their_settings_too() {
    let variables = [("TRIBUTARY_GAP", "5m"), ("TRIBUTARY_JSON", "true"), ("TRIBUTARY_FORMAT", "combined")];
    let nested: Nested = read_with(&["replay"], &variables).unwrap();
    assert_eq!(nested.windows.gap.to_string(), "5m", "a default that comes from outside stands in no command's way");
    let Some(Verb::Replay(replay)) = nested.verb else { panic!("no subcommand") };
    assert_eq!(
        (replay.windows.gap.to_string().as_str(), replay.json, replay.format.as_str()),
        ("5m", true, "combined")
    );
    let error = read_with::<Nested>(&["replay"], &[("TRIBUTARY_JSON", "yes")]).unwrap_err();
    insta::assert_snapshot!(error, @"variable TRIBUTARY_JSON: write true or false");
}

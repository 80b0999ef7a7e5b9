//! The command line, and which code a command ends with.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::check::CheckArgs;
use crate::load::args::LoadArgs;
use crate::replay::args::ReplayArgs;
use crate::resubmit::ResubmitArgs;
use crate::tail::TailArgs;
use crate::up::UpArgs;
use crate::verify::VerifyArgs;
use crate::{check, load, replay, resubmit, tail, up, verify};
use collector::cli::CollectorArgs;
use lake_writer::cli::LakeWriterArgs;
use service::{HasSettings, Together};
use sessionizer::cli::SessionizerArgs;

/// Hits from websites through a log into a lake, each exactly once.
///
/// Without a command it is `tributary up`.
///
/// Exit codes: 0 all is well; 1 a service could not start or failed, verify found a disagreement, check something wrong, or what
/// load or resubmit sent was not taken whole; 2 the command line or a setting is wrong, or replay, tail, verify, check, resubmit or
/// load could not do what was asked.
#[derive(Parser, Debug)]
#[command(name = "tributary", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Up(Box<UpArgs>),
    Replay(Box<ReplayArgs>),
    Tail(Box<TailArgs>),
    Verify(Box<VerifyArgs>),
    Check(Box<CheckArgs>),
    Resubmit(Box<ResubmitArgs>),
    Load(Box<LoadArgs>),
    Collector(Box<CollectorArgs>),
    Sessionizer(Box<SessionizerArgs>),
    LakeWriter(Box<LakeWriterArgs>),
}

impl HasSettings for Cli {
    fn together(&self) -> Together<'_> {
        match &self.command {
            None => self.up.together(),
            Some(Command::Up(args)) => args.together(),
            Some(Command::Collector(args)) => args.together(),
            Some(Command::Sessionizer(args)) => args.together(),
            Some(Command::LakeWriter(args)) => args.together(),
            Some(Command::Replay(args)) => Together {
                bus: Some(&args.bus),
                windows: Some(&args.windows),
                lake: Some(&args.lake),
                ..Together::default()
            },
            Some(Command::Tail(args)) => Together { bus: Some(&args.bus), ..Together::default() },
            Some(Command::Verify(args)) => {
                Together { bus: Some(&args.bus), lake: Some(&args.lake), ..Together::default() }
            }
            Some(Command::Check(_) | Command::Resubmit(_) | Command::Load(_)) => Together::default(),
        }
    }
}

/// Does what the command line says, to its end.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        None => service::exit_code(up::run(&cli.up)),
        Some(Command::Up(args)) => service::exit_code(up::run(&args)),
        Some(Command::Collector(args)) => service::exit_code(collector::cli::run(&args)),
        Some(Command::Sessionizer(args)) => service::exit_code(sessionizer::cli::run(&args)),
        Some(Command::LakeWriter(args)) => service::exit_code(lake_writer::cli::run(&args)),
        Some(Command::Replay(args)) => tool(replay::run(&args).map(|()| true)),
        Some(Command::Tail(args)) => tool(tail::run(&args).map(|()| true)),
        Some(Command::Verify(args)) => tool(verify::run(&args)),
        Some(Command::Check(args)) => tool(check::run(&args)),
        Some(Command::Resubmit(args)) => tool(resubmit::run(&args)),
        Some(Command::Load(args)) => tool(load::run(&args)),
    }
}

/// The code of a command that looks and answers: 0 for yes, 1 for no, 2 where it could not find out.
fn tool(answer: Result<bool>) -> ExitCode {
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // The message is what `service::exit_code` prints; only the code is another.
            let _ = service::exit_code(Err::<(), _>(error));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_up() {
        let cli = Cli::parse_from(["tributary", "--data", "here"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.up.bus.data.to_string_lossy(), "here");
    }

    /// Scripts of users depend on these names.
    #[test]
    fn every_command_and_flag() {
        let mut cli = Cli::command();
        cli.build();
        let mut text = String::new();
        for command in cli.get_subcommands() {
            let mut flags: Vec<_> = command.get_arguments().map(ToString::to_string).collect();
            flags.sort();
            text += &format!("{}: {}\n", command.get_name(), flags.join(" "));
        }
        insta::assert_snapshot!(text);
    }
}

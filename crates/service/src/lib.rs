//! What every binary does alike: settings, logs, metrics, health, and an orderly end.
//!
//! This crate must never know what a service does: it hands out a bus, a listener, a token that says when to
//! stop, and places to report to. Each setting is defined here once, whoever uses it.

pub mod admin;
pub mod bus_url;
pub mod clock;
pub mod config;
pub mod crew;
pub mod exit;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod open;
mod outage;
pub mod settings;
pub mod shutdown;
pub mod stage;
pub mod telemetry;
pub mod units;

pub use bus_url::BusUrl;
pub use clock::Clock;
pub use crew::Crew;
pub use exit::exit_code;
pub use health::{Health, Readiness};
pub use listen::listen;
pub use open::{OpenBusError, kafka_options, open_bus, open_bus_for_requests};
pub use settings::{
    AdminArgs, BusArgs, DrainArgs, EdgeArgs, HasSettings, LakeArgs, LogArgs, LogFormat, MemberArgs, Misfit, PolicyArgs,
    PressureArgs, SpoolArgs, StepArgs, TlsArgs, Together, WindowArgs,
};
pub use shutdown::Shutdown;
pub use stage::{Stage, serve};
pub use units::ByteSize;

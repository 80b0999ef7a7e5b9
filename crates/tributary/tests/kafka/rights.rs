//! Certificates, rights and logins that are not as they must be: one line and the end at the start; later another try, and a count.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kafka_broker::{Broker, Options};
use tempfile::{TempDir, tempdir};

use crate::process::{PATIENCE, collect_at};
use crate::service::Service;
use crate::support::{rows, text, tributary};

const PASSWORD: &str = "open-sesame";
const PREFIX: &str = "rights.";

/// What each of the users may not do is in their names.
fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| {
        let users = ["all", "nothing", "no-groups", "no-transactions", "not-any-more", "not-yet", "another-password"];
        // Who is connected has to log in again every few seconds.
        let options = Options::new().acls().property("connections.max.reauth.ms", 3000);
        let broker = Broker::start(users.iter().fold(options, |all, user| all.user(user, PASSWORD)));
        let rights: [(&str, &[&str]); 3] = [
            ("--topic", &["all", "no-groups", "no-transactions"]),
            ("--group", &["all", "no-transactions"]),
            ("--transactional-id", &["all", "no-groups"]),
        ];
        std::thread::scope(|scope| {
            for (resource, users) in rights {
                scope.spawn(|| broker.allow(users, resource, PREFIX));
            }
        });
        broker
    })
}

/// The file of a user who knows the password.
fn login(folder: &Path, user: &str) -> PathBuf {
    let path = folder.join(format!("{user}.properties"));
    std::fs::write(&path, broker().client_properties(Some(("SCRAM-SHA-512", user, PASSWORD)))).unwrap();
    path
}

/// A command that is refused: its code, and its last line.
fn refused(args: &[&str], file: &Path, data: &Path) -> (i32, String) {
    let mut command = tributary();
    command.args(args).arg("--kafka-config").arg(file).current_dir(data);
    command.args(["--bus", &format!("kafka://{}", broker().bootstrap()), "--topic-prefix", PREFIX]);
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = text(&stderr);
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let [line] = errors[..] else { panic!("{args:?}: {status}: {said}") };
    assert_eq!(said.lines().last(), Some(line), "{args:?}");
    assert!(!said.contains(PASSWORD), "{said}");
    (status.code().unwrap(), line.to_owned())
}

const COLLECTOR: [&str; 5] = ["collector", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
const SESSIONIZER: [&str; 3] = ["sessionizer", "--admin", "127.0.0.1:0"];
const LAKE_WRITER: [&str; 3] = ["lake-writer", "--admin", "127.0.0.1:0"];

#[test]
fn a_certificate_that_nobody_vouches_for_is_one_line_that_names_the_setting() {
    let data = tempdir().unwrap();
    let file = login(data.path(), "all");
    let trusting = std::fs::read_to_string(&file).unwrap().replace("authority.pem", "stranger.pem");
    std::fs::write(&file, trusting).unwrap();
    let commands: [(&[&str], i32); 4] = [(&COLLECTOR, 1), (&SESSIONIZER, 1), (&LAKE_WRITER, 1), (&["tail", "hits"], 2)];
    std::thread::scope(|scope| {
        for (args, code) in commands {
            let (file, data) = (&file, data.path());
            scope.spawn(move || {
                let (ended, line) = refused(args, file, data);
                assert!(line.contains("certificate verify failed"), "{args:?}: {line}");
                assert!(line.contains("`ssl.truststore.location`") && line.contains("--kafka-config"), "{line}");
                assert_eq!(ended, code, "{args:?}: {line}");
            });
        }
    });
}

#[test]
fn a_right_that_is_missing_at_the_start_is_one_line_with_the_command_that_gives_it() {
    let data = tempdir().unwrap();
    let commands: [(&str, &[&str], &str); 6] = [
        ("nothing", &COLLECTOR, "--topic"),
        ("nothing", &SESSIONIZER, "--topic"),
        ("nothing", &LAKE_WRITER, "--topic"),
        ("no-groups", &SESSIONIZER, "--group"),
        ("no-groups", &LAKE_WRITER, "--group"),
        ("no-transactions", &SESSIONIZER, "--transactional-id"),
    ];
    // The topics are there: who may not look at them is not who may not make them.
    let who_may = login(data.path(), "all");
    drop(Service::start_with(&broker().bootstrap(), PREFIX, &COLLECTOR[..3], &who_may).ready());
    std::thread::scope(|scope| {
        for (user, args, resource) in commands {
            let file = login(data.path(), user);
            let data = data.path();
            scope.spawn(move || {
                let (code, line) = refused(args, &file, data);
                assert!(line.contains("kafka-acls.sh --add") && line.contains(resource), "{user} {args:?}: {line}");
                assert_eq!(code, 1, "{line}");
            });
        }
    });
}

/// The three services of a user whose rights may go.
struct Trio {
    services: [Service; 3],
    lake: PathBuf,
    _data: TempDir,
}

impl Trio {
    /// Under a prefix of its own: what is taken away there is not the other tests'.
    fn start(prefix: &str, user: &str) -> Self {
        std::thread::scope(|scope| {
            for resource in ["--topic", "--group", "--transactional-id"] {
                scope.spawn(move || broker().allow(&[user], resource, prefix));
            }
        });
        let data = tempdir().unwrap();
        let (file, lake) = (login(data.path(), user), data.path().join("lake"));
        let writing = ["lake-writer", "--flush-interval", "300ms", "--lake", lake.to_str().unwrap()];
        let services = [&COLLECTOR[..3], &SESSIONIZER[..1], &writing]
            .map(|args| Service::start_with(&broker().bootstrap(), prefix, args, &file).ready());
        Self { services, lake, _data: data }
    }

    /// Sends a hit until it is answered so.
    fn collect_until(&self, status: u16, visitor: &str) {
        let collect = self.services[0].listens_at();
        self.services[0]
            .wait_for(&format!("answer {status}"), || (collect_at(&collect, visitor) == status).then_some(()));
    }

    /// Waits until each has counted a failure, and says in `/ready` why it waits.
    fn wait_for_failures(&self, operations: [&str; 3], reason: &str) {
        for (service, operation) in self.services.iter().zip(operations) {
            wait_for_failure(service, operation, reason);
        }
    }

    /// All of them work again, and end in good order.
    fn ends_well(mut self) {
        for service in &mut self.services {
            service.wait_until_ready(true);
            assert!(service.process.stop().success(), "{:#?}", service.lines());
        }
    }

    fn wait_for_row(&self, visitor: &str) {
        let has = || rows(&self.lake, "hits").iter().any(|row| crate::support::text_of(row, "visitor_id") == visitor);
        let begun = Instant::now();
        while !has() {
            assert!(
                begun.elapsed() < PATIENCE,
                "no row of {visitor}: {:#?}",
                self.services.each_ref().map(Service::lines)
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Waits until it has counted a failure of this operation, and says in `/ready` why it waits.
fn wait_for_failure(service: &Service, operation: &str, reason: &str) {
    let counted = format!("tributary_bus_errors_total{{operation=\"{operation}\"}} ");
    service.wait_for(&counted, || {
        let (_, page) = service.page("/metrics");
        let count = page.lines().find_map(|line| line.strip_prefix(&counted)?.parse::<u64>().ok())?;
        (count > 0).then_some(())
    });
    service.wait_for(&format!("{reason} in /ready"), || {
        let (status, parts) = service.page("/ready");
        (status == 503 && parts.contains(reason)).then_some(())
    });
}

#[test]
fn rights_that_are_taken_away_later_are_waited_for_counted_and_end_nobody() {
    let prefix = "rights-later.";
    let trio = Trio::start(prefix, "not-any-more");
    trio.collect_until(200, "before");
    trio.wait_for_row("before");

    broker().forbid(&["not-any-more"], "--topic", prefix);
    trio.collect_until(503, "unkept");
    trio.wait_for_failures(["publish", "process", "lake"], "kafka-acls.sh");

    broker().allow(&["not-any-more"], "--topic", prefix);
    trio.collect_until(200, "after");
    trio.wait_for_row("after");
    trio.ends_well();
}

#[test]
fn services_that_had_nothing_to_do_yet_wait_for_their_rights_too_and_a_stop_meanwhile_is_in_good_order() {
    let prefix = "rights-idle.";
    let mut trio = Trio::start(prefix, "not-yet");
    broker().forbid(&["not-yet"], "--topic", prefix);
    for (service, operation) in trio.services[1..].iter().zip(["process", "lake"]) {
        wait_for_failure(service, operation, "kafka-acls.sh");
    }
    for service in &mut trio.services {
        assert!(service.process.stop().success(), "{:#?}", service.lines());
    }
}

#[test]
fn a_password_that_is_changed_later_is_an_outage_that_ends_when_it_is_right_again() {
    let user = "another-password";
    let trio = Trio::start("password-later.", user);
    trio.collect_until(200, "before");
    trio.wait_for_row("before");

    broker().set_password(user, "changed");
    trio.collect_until(503, "unkept");
    for service in &trio.services {
        service.wait_for("reason in /ready", || {
            let (status, parts) = service.page("/ready");
            (status == 503 && parts.contains("uthentication failed")).then_some(())
        });
        // Who works hears of it sooner than who looks whether anybody answers.
        service.wait_for("metric", || service.page("/metrics").1.contains("\ntributary_bus_up 0\n").then_some(()));
    }

    broker().set_password(user, PASSWORD);
    trio.collect_until(200, "after");
    trio.wait_for_row("after");
    trio.ends_well();
}

//! Logins, certificates and rights, on one broker that asks for all of them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options, properties};
use bus::{BusError, Group, Output, Polled, SharedBus, Step};
use events::{NextOffset, Topic};
use futures::executor::block_on;
use kafka_broker::Broker;

use crate::support::{self, ENRICHED, HITS};

/// What each of the users may do under this prefix is in their names.
const PREFIX: &str = "secured.";
const PASSWORD: &str = "open-sesame";

fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| {
        let users = ["all", "nothing", "no-groups", "no-transactions", "not-any-more"];
        let options = users.iter().fold(kafka_broker::Options::new().acls(), |all, user| all.user(user, PASSWORD));
        let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
        let options = options
            .property("listener.name.client.sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER")
            .property(
                "listener.name.client.oauthbearer.sasl.jaas.config",
                format!("{module} required unsecuredLoginStringClaim_sub=\"broker\";"),
            );
        let broker = Broker::start(options);
        let rights: [(&str, &[&str]); 3] = [
            ("--topic", &["all", "no-groups", "no-transactions", "not-any-more"]),
            ("--group", &["all", "no-transactions", "not-any-more"]),
            ("--transactional-id", &["all", "no-groups", "not-any-more"]),
        ];
        std::thread::scope(|scope| {
            for (resource, users) in rights {
                scope.spawn(|| broker.allow(users, resource, PREFIX));
            }
        });
        drop(open(&broker, &login(&broker, "all")).unwrap());
        broker
    })
}

/// The file of a user who knows the password.
fn login(broker: &Broker, user: &str) -> String {
    broker.client_properties(Some(("SCRAM-SHA-512", user, PASSWORD)))
}

/// A log through a handle whose `--kafka-config` has this text.
fn open(broker: &Broker, file: &str) -> Result<SharedBus, BusError> {
    open_within(PATIENCE, broker, file)
}

/// What hears nothing gives up after so long.
fn open_within(connect: Duration, broker: &Broker, file: &str) -> Result<SharedBus, BusError> {
    let properties = properties::parse(file, |_| None).unwrap();
    let limits = Limits { connect, ..support::limits() };
    let options = Options { properties, limits, ..support::at(&broker.bootstrap(), PREFIX) };
    Ok(Arc::new(KafkaBus::open(options)?))
}

fn group(name: &str) -> Group {
    Group { name: name.to_owned(), instance: None, topics: vec![Topic::Hits], produces: true }
}

/// The line that somebody gets, soon.
#[track_caller]
fn refused<T>(attempt: impl FnOnce() -> Result<T, BusError>) -> String {
    let begun = Instant::now();
    let error = attempt().map(|_| ()).unwrap_err();
    let BusError::Refused(line) = error else { panic!("{error:?}") };
    assert!(begun.elapsed() < PATIENCE && !line.contains('\n'), "{line}");
    assert!(!line.contains(PASSWORD), "{line}");
    line
}

#[test]
fn a_right_login_publishes_steps_and_reads() {
    // A token that nobody signed: the broker's own validator for tests takes it.
    let token = "sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.config=principal=all\n\
                 enable.sasl.oauthbearer.unsecure.jwt=true\n";
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"] {
        let file = match mechanism {
            "OAUTHBEARER" => broker().client_properties(None) + token,
            _ => broker().client_properties(Some((mechanism, "all", PASSWORD))),
        };
        let bus = open(broker(), &file).unwrap();
        let mut worker = bus.join(group(mechanism)).unwrap();
        let position = |polled| match polled {
            Polled::Assigned(assigned) => assigned.iter().find(|one| one.source == HITS).map(|one| one.source),
            _ => None,
        };
        support::poll_until(&mut *worker, position);
        let before = bus.bounds(HITS).unwrap().end;
        support::publish(&bus, HITS, &[mechanism]);
        let output = Output { target: ENRICHED, key: Some(b"k"), value: Some(mechanism.as_bytes()) };
        worker.commit(Step { outputs: &[output], positions: &[(HITS, before)] }).unwrap();
        // The other tests write here, too.
        let hits = support::values(&support::read_to_end(&bus, HITS, before));
        assert!(hits.iter().any(|value| value == mechanism), "{hits:?}");
        let enriched = support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START));
        assert!(enriched.iter().any(|value| value == mechanism), "{enriched:?}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused() {
    for file in [
        broker().client_properties(Some(("SCRAM-SHA-512", "all", "guessed"))),
        broker().client_properties(Some(("PLAIN", "all", "guessed"))),
        broker().client_properties(Some(("SCRAM-SHA-256", "nobody", PASSWORD))),
    ] {
        let line = refused(|| open(broker(), &file));
        assert!(line.contains("uthentication failed") && line.contains("check user and password"), "{line}");
        assert!(!line.contains("guessed"), "{line}");
    }
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let file = login(broker(), "all").replace("authority.pem", "stranger.pem");
    assert!(file.contains(&broker().stranger().display().to_string()));
    let line = refused(|| open(broker(), &file));
    assert!(line.contains("certificate verify failed") && line.contains("`ssl.truststore.location`"), "{line}");
}

#[test]
fn who_speaks_plain_text_to_a_tls_port_is_told() {
    let line = refused(|| open_within(Duration::from_secs(5), broker(), ""));
    assert!(line.contains("security.protocol"), "{line}");
}

#[test]
fn without_rights_on_topics_nothing_opens() {
    let line = refused(|| open(broker(), &login(broker(), "nothing")));
    assert!(line.contains("no right to look at topic secured.hits") && line.contains("kafka-acls.sh"), "{line}");
    // A prefix beside its own: it may not make topics there.
    let properties = properties::parse(&login(broker(), "all"), |_| None).unwrap();
    let options = Options { properties, ..support::at(&broker().bootstrap(), "elsewhere.") };
    let line = refused(|| KafkaBus::open(options));
    assert!(line.contains("elsewhere.hits") && line.contains("--topic elsewhere."), "{line}");
}

#[test]
fn without_rights_on_groups_a_worker_is_refused() {
    let bus = open(broker(), &login(broker(), "no-groups")).unwrap();
    support::publish(&bus, HITS, &["a"]);
    let line = refused(|| {
        let mut worker = bus.join(group("g"))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            worker.poll(Duration::from_millis(200))?;
        }
        Ok(())
    });
    assert!(line.contains("--group PREFIX"), "{line}");
}

#[test]
fn without_rights_on_transactions_a_worker_is_refused() {
    let bus = open(broker(), &login(broker(), "no-transactions")).unwrap();
    let line = refused(|| bus.join(group("h")));
    assert!(line.contains("--transactional-id PREFIX"), "{line}");
}

#[test]
fn rights_that_are_taken_away_later_fail_what_is_published_and_nothing_else() {
    let bus = open(broker(), &login(broker(), "not-any-more")).unwrap();
    support::publish(&bus, HITS, &["a"]);
    broker().forbid(&["not-any-more"], "--topic", PREFIX);
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        match block_on(bus.publish(vec![support::record(HITS, "b")])) {
            Ok(()) => assert!(Instant::now() < deadline, "the broker still takes records"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("kafka-acls.sh"), "{error}");
    broker().allow(&["not-any-more"], "--topic", PREFIX);
    while block_on(bus.publish(vec![support::record(HITS, "c")])).is_err() {
        assert!(Instant::now() < deadline, "the producer does not recover");
    }
}

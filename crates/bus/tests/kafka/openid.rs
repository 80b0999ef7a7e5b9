//! Logins by OpenID Connect: a broker that takes the tokens of an identity provider, and nothing else.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options, properties};
use bus::{Bus, BusError, Output, SharedBus, Step};
use events::NextOffset;
use futures::executor::block_on;
use kafka_broker::Broker;

use crate::identity::{AUDIENCE, CLIENT, Provider, SECRET};
use crate::support::{self, ENRICHED, HITS};

/// How long the broker keeps a connection whose token was not renewed, in ms, where the token lives longer.
const REAUTHENTICATION: u64 = 3_600_000;

fn provider() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(Provider::start)
}

/// A broker that takes this provider's tokens alone.
fn broker_of(provider: &Provider) -> Broker {
    let security = "org.apache.kafka.common.security.oauthbearer";
    let of = |key: &str| format!("listener.name.client.oauthbearer.{key}");
    let keys = provider.keys();
    let validator = format!("{security}.OAuthBearerValidatorCallbackHandler");
    // A user makes the listener one with logins; which ones is said below.
    let options = kafka_broker::Options::new()
        .user("nobody", "nothing")
        .environment("JAVA_TOOL_OPTIONS", format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}"))
        .property("listener.name.client.sasl.enabled.mechanisms", "OAUTHBEARER")
        .property(&of("sasl.jaas.config"), format!("{security}.OAuthBearerLoginModule required;"))
        .property(&of("sasl.server.callback.handler.class"), validator)
        .property(&of("sasl.oauthbearer.jwks.endpoint.url"), keys)
        .property(&of("sasl.oauthbearer.expected.audience"), AUDIENCE)
        .property(&of("connections.max.reauth.ms"), REAUTHENTICATION);
    Broker::start(options)
}

fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| broker_of(provider()))
}

/// A Java client's file, as its users have it.
fn file(secret: &str) -> String {
    let security = "org.apache.kafka.common.security.oauthbearer";
    format!(
        "{}sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url={}\n\
         sasl.login.callback.handler.class={security}.OAuthBearerLoginCallbackHandler\n\
         sasl.jaas.config={security}.OAuthBearerLoginModule required \\\n  clientId=\"{CLIENT}\" \
         clientSecret=\"{secret}\" scope=\"write\";\n",
        broker().client_properties(None),
        provider().tokens()
    )
}

/// What hears nothing gives up after so long.
fn open(prefix: &str, file: &str, connect: Duration) -> Result<KafkaBus, BusError> {
    let properties = properties::parse(file, |_| None).unwrap();
    let limits = Limits { connect, ..support::limits() };
    KafkaBus::open(Options { properties, limits, ..support::at(&broker().bootstrap(), prefix) })
}

/// The line that somebody gets, soon.
#[track_caller]
fn refused(file: &str) -> BusError {
    let begun = Instant::now();
    let error = open("refused.", file, Duration::from_secs(5)).map(|_| ()).unwrap_err();
    let line = error.to_string();
    assert!(begun.elapsed() < PATIENCE && !line.contains('\n'), "{line}");
    assert!(!line.contains(SECRET) && !line.contains("guessed"), "{line}");
    error
}

#[test]
fn a_client_with_id_and_secret_publishes_steps_and_reads() {
    let bus: SharedBus = Arc::new(open("openid.", &file(SECRET), PATIENCE).unwrap());
    support::publish(&bus, HITS, &["a"]);
    let mut worker = support::join(&bus, None);
    let read = support::next_records(&mut *worker);
    let output = Output { target: ENRICHED, key: Some(b"k"), value: Some(b"b") };
    worker.commit(Step { outputs: &[output], positions: &[(HITS, read[0].offset.next())] }).unwrap();
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["b"]);
}

#[test]
fn names_of_librdkafka_and_variables_say_the_same() {
    let file = format!(
        "{}sasl.mechanisms=OAUTHBEARER\nsasl.oauthbearer.method=oidc\nsasl.oauthbearer.client.id=nobody\n\
         sasl.oauthbearer.token.endpoint.url={}\n",
        broker().client_properties(None),
        provider().tokens()
    );
    let variable = |name: &str| match name {
        "TRIBUTARY_KAFKA_USERNAME" => Some(CLIENT.to_owned()),
        "TRIBUTARY_KAFKA_PASSWORD" => Some(SECRET.to_owned()),
        _ => None,
    };
    let properties = properties::parse(&file, variable).unwrap();
    assert!(!format!("{properties:?}").contains(SECRET), "{properties:?}");
    let bus = KafkaBus::open(Options { properties, ..support::at(&broker().bootstrap(), "named.") }).unwrap();
    block_on(bus.publish(vec![support::record(HITS, "a")])).unwrap();
}

#[test]
fn a_wrong_secret_is_refused_in_the_words_of_the_provider() {
    let error = refused(&file("guessed"));
    let line = error.to_string();
    assert!(matches!(error, BusError::Refused(_)), "{line}");
    assert!(line.contains(&format!("the token endpoint {} answers 401 invalid_client", provider().tokens())), "{line}");
}

#[test]
fn an_endpoint_that_is_not_there_is_named() {
    let error = refused(&file(SECRET).replace(&provider().tokens(), "http://127.0.0.1:1/token"));
    let line = error.to_string();
    assert!(matches!(error, BusError::Unavailable(_)), "{line}");
    assert!(line.contains("the token endpoint http://127.0.0.1:1/token cannot be reached: "), "{line}");
}

/// Any port with a certificate will do: what is behind it is no endpoint, but that is seen only by who believes it.
#[test]
fn the_certificate_of_an_endpoint_is_looked_at() {
    let secure = file(SECRET).replace(&provider().tokens(), &format!("https://{}/token", broker().bootstrap()));
    let stranger = refused(&secure).to_string();
    assert!(stranger.contains("certificate") && stranger.contains("`https.ca.location`"), "{stranger}");
    let believed = format!("{secure}https.ca.location={}\n", broker().authority().display());
    let known = refused(&believed).to_string();
    assert!(known.contains("the token endpoint") && !known.contains("certificate"), "{known}");
}

/// The broker hangs up on whoever has not shown a new token when the old one ends.
#[test]
fn tokens_are_renewed_before_they_end() {
    let life = Duration::from_secs(8);
    let short = Provider::start();
    short.give_for(life);
    let security = "org.apache.kafka.common.security.oauthbearer";
    let broker = broker_of(&short);
    let file = format!(
        "{}sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url={}\n\
         sasl.jaas.config={security}.OAuthBearerLoginModule required clientId=\"{CLIENT}\" clientSecret=\"{SECRET}\";\n",
        broker.client_properties(None),
        short.tokens()
    );
    let properties = properties::parse(&file, |_| None).unwrap();
    let options = Options { properties, ..support::at(&broker.bootstrap(), "short.") };
    let bus: SharedBus = Arc::new(KafkaBus::open(options).unwrap());
    let mut worker = support::join(&bus, None);
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < life * 3 {
        support::publish(&bus, HITS, &["a"]);
        let read = support::next_records(&mut *worker);
        let output = Output { target: ENRICHED, key: Some(b"k"), value: Some(b"b") };
        worker.commit(Step { outputs: &[output], positions: &[(HITS, read.last().unwrap().offset.next())] }).unwrap();
        count += read.len();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() < PATIENCE && count > 10, "{count} in {:?}", begun.elapsed());
    assert!(short.given() >= 4, "{} tokens in three times their life", short.given());
    assert_eq!(support::read_to_end(&bus, ENRICHED, NextOffset::START).len(), count);
}

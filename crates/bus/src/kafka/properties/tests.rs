use proptest::prelude::*;
use rdkafka::config::ClientConfig;

use super::*;

/// What all clients are told, one `key=value` a line; or the error.
fn translate(text: &str) -> String {
    translate_with(text, &[])
}

fn translate_with(text: &str, variables: &[(&str, &str)]) -> String {
    let variable =
        |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
    match parse(text, variable) {
        Ok(properties) => properties.common().map(|(key, value)| format!("{key}={value}\n")).collect(),
        Err(error) => error.to_string(),
    }
}

fn entries(text: &str) -> Vec<(usize, String, String)> {
    let entries = syntax::entries(text).unwrap();
    entries.into_iter().map(|entry| (entry.line, entry.key, entry.value)).collect()
}

#[test]
fn the_syntax_is_javas() {
    let text = "# a comment \\\n! another\n\n  plain = value \nno.space:value\nblank value with blanks\n\
                long = one, \\\n       two, \\\r\n  three\nescaped\\=\\:\\ key=a\\tb\\\\c\\\"\nempty\nempty.too=\n\
                unicode=caf\\u00e9 \\ud83d\\ude00\neven=ends in a backslash\\\\\nlast=cut off\\";
    let expected = [
        (4, "plain", "value"),
        (5, "no.space", "value"),
        (6, "blank", "value with blanks"),
        (7, "long", "one, two, three"),
        (10, "escaped=: key", "a\tb\\c\""),
        (11, "empty", ""),
        (12, "empty.too", ""),
        (13, "unicode", "café 😀"),
        (14, "even", "ends in a backslash\\"),
        (15, "last", "cut off"),
    ];
    assert_eq!(entries(text), expected.map(|(line, key, value)| (line, key.to_owned(), value.to_owned())));
}

#[test]
fn half_an_escape_is_refused_with_its_line() {
    assert_eq!(translate("\nclient.id=\\u12"), "line 2: a \\u must be followed by four hexadecimal digits");
    assert_eq!(translate("client.id=\\ud83d"), "line 1: a \\u must be followed by four hexadecimal digits");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z]{1,3}|[=: \\\\\\n\\r\\tu0-9#!\"';-])*") {
        let _ = parse(&text, |_| None);
        let _ = jaas::parse(&text);
        let _ = pem::with_line_breaks(&text);
    }

    #[test]
    fn any_value_can_be_written(value in "[ -~äß€😀]{0,40}") {
        let escaped: String = value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(entries(&format!("key={escaped}")), [(1, "key".to_owned(), value.trim().to_owned())]);
    }
}

#[test]
fn a_scram_login_as_the_java_clients_write_it() {
    let text = "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
                sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  \
                username=\"alice\" \\\n  password=\"a \\\\\"quoted\\\\\" = secret;\";\n\
                ssl.truststore.type=PEM\nssl.truststore.location=/etc/kafka/ca.pem\n\
                ssl.endpoint.identification.algorithm=\n";
    let expected = "security.protocol=sasl_ssl\nssl.endpoint.identification.algorithm=none\n\
                    ssl.ca.location=/etc/kafka/ca.pem\nsasl.mechanisms=SCRAM-SHA-512\nsasl.username=alice\n\
                    sasl.password=a \"quoted\" = secret;\n";
    assert_eq!(translate(text), expected);
}

const OAUTH: &str = "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n\
                     sasl.oauthbearer.token.endpoint.url=https://idp.example/token\n";

#[test]
fn an_oauth_login_is_ours_and_librdkafka_hears_of_the_mechanism_alone() {
    let text = format!(
        "{OAUTH}sasl.login.callback.handler.class=a.b.OAuthBearerLoginCallbackHandler\nhttps.ca.location=/etc/ca.pem\n\
         sasl.jaas.config=a.OAuthBearerLoginModule required clientId='me' clientSecret='hidden' scope='kafka write';\n"
    );
    assert_eq!(translate(&text), "security.protocol=sasl_ssl\nsasl.mechanisms=OAUTHBEARER\n");
    let properties = parse(&text, |_| None).unwrap();
    let grant = properties.tokens().unwrap().grant();
    assert_eq!((grant.endpoint.as_str(), grant.client_id.as_str()), ("https://idp.example/token", "me"));
    assert_eq!((grant.client_secret.reveal(), grant.scope.as_deref()), ("hidden", Some("kafka write")));
    assert_eq!(grant.authorities, Authorities::File("/etc/ca.pem".to_owned()));
    assert!(!format!("{properties:?}").contains("hidden"), "{properties:?}");

    let named = format!("{OAUTH}sasl.oauthbearer.method=OIDC\nsasl.oauthbearer.client.id=file\n");
    let variables = |name: &str| (name != "TRIBUTARY_KAFKA_KEY_PASSWORD").then(|| name.to_owned());
    let properties = parse(&named, variables).unwrap();
    let grant = properties.tokens().unwrap().grant();
    assert_eq!(grant.client_id, "TRIBUTARY_KAFKA_USERNAME");
    assert_eq!((grant.client_secret.reveal(), &grant.scope), ("TRIBUTARY_KAFKA_PASSWORD", &None));
}

#[test]
fn an_oauth_login_that_cannot_get_tokens_is_refused_at_once() {
    let jaas = "sasl.jaas.config=a.OAuthBearerLoginModule required clientId='me' clientSecret='hidden'";
    let cases = [
        (
            OAUTH.to_owned(),
            "line 2: `sasl.mechanism` needs the client's id and secret: `clientId` and `clientSecret` in \
             `sasl.jaas.config`, or the variables TRIBUTARY_KAFKA_USERNAME and TRIBUTARY_KAFKA_PASSWORD",
        ),
        (
            format!("security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n{jaas};\n"),
            "line 2: `sasl.mechanism` needs `sasl.oauthbearer.token.endpoint.url`, where tokens are asked for",
        ),
        (
            format!("{}{jaas};\n", OAUTH.replace("https", "file")),
            "line 3: `sasl.oauthbearer.token.endpoint.url` must begin with https:// (or http://)",
        ),
        (
            format!("{OAUTH}{jaas} extension_logicalCluster='lkc-1';\n"),
            "line 4: `sasl.jaas.config` has extensions, which are not sent with a token of OpenID Connect: log in by PLAIN \
             or SCRAM-SHA-512",
        ),
        (
            format!("{OAUTH}{jaas};\nsasl.oauthbearer.grant.type=urn:ietf:params:oauth:grant-type:jwt-bearer\n"),
            "line 5: `sasl.oauthbearer.grant.type` must be client_credentials: no other is built in",
        ),
        (
            format!("{OAUTH}{jaas};\nsasl.oauthbearer.assertion.file=a.jwt\n"),
            "line 5: `sasl.oauthbearer.assertion.file` is for a way to get tokens that is not built in: remove the line",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(translate(&text), expected);
    }
}

#[test]
fn unsigned_tokens_are_librdkafkas() {
    let text = "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\nenable.sasl.oauthbearer.unsecure.jwt=true\n\
                sasl.jaas.config=a.OAuthBearerLoginModule required scope='kafka' extension_logicalCluster='lkc-1' \
                extension_pool='p';\n";
    let expected = "security.protocol=sasl_ssl\nenable.sasl.oauthbearer.unsecure.jwt=true\nsasl.mechanisms=OAUTHBEARER\n\
                    sasl.oauthbearer.scope=kafka\nsasl.oauthbearer.extensions=logicalCluster=lkc-1,pool=p\n";
    assert_eq!(translate(text), expected);
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = "security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\nsasl.username=file\nsasl.password=file\n\
                ssl.keystore.location=me.p12\n";
    let variables = [
        ("TRIBUTARY_KAFKA_PASSWORD", "env"),
        ("TRIBUTARY_KAFKA_USERNAME", ""),
        ("TRIBUTARY_KAFKA_KEY_PASSWORD", "key"),
    ];
    let expected = "security.protocol=sasl_ssl\nsasl.username=file\nssl.keystore.location=me.p12\n\
                    ssl.keystore.password=key\nsasl.mechanisms=PLAIN\nsasl.password=env\n";
    assert_eq!(translate_with(text, &variables), expected);
}

#[test]
fn a_login_that_cannot_work_is_refused_at_once() {
    let sasl = "security.protocol=SASL_SSL\nsasl.mechanism=";
    let jaas = "\nsasl.jaas.config=org.apache.kafka.common.security";
    let cases = [
        (
            format!("{sasl}SCRAM-SHA-256"),
            "line 2: `sasl.mechanism` needs a user and a password: `sasl.jaas.config`, or the variables \
             TRIBUTARY_KAFKA_USERNAME and TRIBUTARY_KAFKA_PASSWORD",
        ),
        (
            "sasl.mechanism=PLAIN".to_owned(),
            "line 1: `sasl.mechanism` is used only with `security.protocol=SASL_SSL` (or SASL_PLAINTEXT)",
        ),
        (
            format!("{sasl}GSSAPI"),
            "line 2: `sasl.mechanism` must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER",
        ),
        (
            format!("{jaas}.plain.PlainLoginModule required;"),
            "line 2: `sasl.jaas.config` needs `sasl.mechanism`, such as `sasl.mechanism=SCRAM-SHA-512`",
        ),
        (
            format!("{sasl}SCRAM-SHA-512{jaas}.plain.PlainLoginModule required username=\"a\" password=\"hidden\";"),
            "line 3: `sasl.jaas.config` has the PlainLoginModule, which is not for SCRAM-SHA-512",
        ),
        (
            format!("{sasl}PLAIN{jaas}.plain.PlainLoginModule required user=\"a\" password=\"hidden\";"),
            "line 3: `sasl.jaas.config` has an option that PlainLoginModule has not: `user`",
        ),
        (
            format!("{sasl}PLAIN{jaas}.plain.PlainLoginModule required username=\"a\" password=\"hidden\""),
            "line 3: `sasl.jaas.config` does not end with a semicolon",
        ),
        (
            format!("{sasl}PLAIN{jaas}.plain.PlainLoginModule required username=\"a\" password=\"hidden;"),
            "line 3: `sasl.jaas.config` has a quote that does not end",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(translate(&text), expected);
    }
}

#[test]
fn a_java_truststore_is_refused_with_the_way_to_convert_it() {
    let convert = "line 1: `ssl.truststore.location` names a store of type JKS, and only PEM can be read: run `keytool \
                   -list -rfc -keystore trust.jks > ca.pem`, then say `ssl.truststore.type=PEM` and \
                   `ssl.truststore.location=ca.pem`";
    assert_eq!(translate("ssl.truststore.location=trust.jks\nssl.truststore.password=changeit"), convert);
    assert_eq!(translate("ssl.truststore.location=trust.jks\nssl.truststore.type=JKS"), convert);
    let password = "ssl.truststore.type=PEM\nssl.truststore.location=ca.pem\nssl.truststore.password=changeit";
    let expected = "line 3: `ssl.truststore.password` has nothing to open: certificates in PEM have no password";
    assert_eq!(translate(password), expected);
}

#[test]
fn key_stores_are_pem_or_pkcs12() {
    let pem = "ssl.keystore.type=PEM\nssl.keystore.location=me.pem\nssl.key.password=k";
    let expected = "ssl.key.location=me.pem\nssl.certificate.location=me.pem\nssl.key.password=k\n";
    assert_eq!(translate(pem), expected);
    let pkcs12 = "ssl.keystore.type=PKCS12\nssl.keystore.location=me.p12\nssl.keystore.password=p\nssl.key.password=p";
    assert_eq!(translate(pkcs12), "ssl.keystore.location=me.p12\nssl.keystore.password=p\n");
    let convert = "line 1: `ssl.keystore.location` names a JKS store, and only PEM and PKCS12 can be read: run `keytool \
                   -importkeystore -srckeystore me.jks -destkeystore client.p12 -deststoretype PKCS12`, then say \
                   `ssl.keystore.type=PKCS12` and `ssl.keystore.location=client.p12`";
    assert_eq!(translate("ssl.keystore.location=me.jks"), convert);
    assert_eq!(
        translate("ssl.keystore.type=BKS\nssl.keystore.location=a"),
        "line 1: `ssl.keystore.type` must be PEM or PKCS12"
    );
}

#[test]
fn certificates_in_the_file_get_their_line_breaks_back() {
    let body = "MIIB".repeat(20);
    let lines = format!("-----BEGIN CERTIFICATE-----\n{}\n{}\n-----END CERTIFICATE-----\n", &body[..64], &body[64..]);
    let on_one_line = format!(
        "ssl.truststore.type=PEM\nssl.truststore.certificates=-----BEGIN CERTIFICATE----- {} \\\n  {} \\\n  \
         -----END CERTIFICATE-----",
        &body[..50],
        &body[50..]
    );
    let broken_by_escapes = format!("ssl.ca.pem=-----BEGIN CERTIFICATE-----\\n{body}\\n-----END CERTIFICATE-----\\n");
    assert_eq!(translate(&on_one_line), format!("ssl.ca.pem={lines}\n"));
    assert_eq!(translate(&broken_by_escapes), format!("ssl.ca.pem={lines}\n"));
}

#[test]
fn names_that_mean_the_same_are_translated() {
    let text = "max.in.flight=2\nrequest.timeout.ms=20000\nsend.buffer.bytes=-1\nreceive.buffer.bytes=65536\n";
    let expected = "max.in.flight.requests.per.connection=2\nsocket.timeout.ms=20000\nsocket.send.buffer.bytes=0\nsocket.receive.buffer.bytes=65536\n";
    assert_eq!(translate(text), expected);
}

#[test]
fn each_client_gets_what_is_for_it() {
    let text = "client.rack=a\nfetch.max.wait.ms=100\nlinger.ms=2\n";
    let properties = parse(text, |_| None).unwrap();
    assert_eq!(properties.common().collect::<Vec<_>>(), [("client.rack", "a")]);
    assert_eq!(properties.consumer().collect::<Vec<_>>(), [("client.rack", "a"), ("fetch.wait.max.ms", "100")]);
    assert_eq!(properties.producer().collect::<Vec<_>>(), [("client.rack", "a"), ("linger.ms", "2")]);
}

#[test]
fn what_cannot_be_set_is_refused_with_line_and_reason() {
    let cases = [
        (
            "\n\nsesion.timeout.ms=1",
            "line 3: `sesion.timeout.ms` is no setting of a Kafka client; did you mean `session.timeout.ms`?",
        ),
        (
            "acks=1",
            "line 1: `acks` is set by Tributary (what is acknowledged is durable, once and in order): remove the line",
        ),
        (
            "bootstrap.servers=a:1",
            "line 1: `bootstrap.servers` is set by Tributary (`--bus` names the brokers): remove the line",
        ),
        (
            "transaction.timeout.ms=60000",
            "line 1: `transaction.timeout.ms` is set by Tributary (a transaction that nobody ends keeps all readers waiting, \
             and is given up after ten seconds): remove the line",
        ),
        (
            "buffer.memory=1000000",
            "line 1: `buffer.memory` is set by Tributary (what waits to be sent is bounded beforehand, whole calls at a \
             time): remove the line",
        ),
        (
            "key.serializer=a.B",
            "line 1: `key.serializer` is a setting of Kafka's Java clients alone (it names a Java class): remove the line",
        ),
        ("client.id=a\nclient.id=b", "line 2: `client.id` says again what line 1 says: remove one of them"),
        (
            "linger.ms=1\nqueue.buffering.max.ms=2",
            "line 2: `queue.buffering.max.ms` says again what line 1 says: remove one of them",
        ),
        (
            "sasl.kerberos.service.name=kafka",
            "line 1: `sasl.kerberos.service.name` is for Kerberos, which is not built in",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(translate(text), expected);
    }
}

#[test]
fn nothing_shows_a_secret() {
    let text = "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n\
                sasl.jaas.config=a.PlainLoginModule required username=\"alice\" password=\"hidden\";\n\
                ssl.key.pem=-----BEGIN PRIVATE KEY-----\\nhidden\\n-----END PRIVATE KEY-----\nssl.key.password=hidden\n";
    let shown = format!("{:?}", parse(text, |_| None).unwrap());
    assert!(shown.contains(r#""sasl.username": "alice""#), "{shown}");
    assert!(shown.contains(r#""sasl.password": [secret]"#), "{shown}");
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn librdkafka_knows_every_name_in_the_table() {
    // A value that is none: what it says of the name comes first.
    let complaint = |key: &str| match ClientConfig::new().set(key, "\u{1}").create_native_config() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let is_unknown = |key: &&str| complaint(key).contains("No such configuration property");
    assert!(is_unknown(&"no.such.setting"));
    let unknown: Vec<_> = keys::KEYS.iter().map(|(key, _)| *key).filter(is_unknown).collect();
    assert_eq!(unknown, [""; 0]);
}

//! What somebody reads who has a login wrong.

use std::io::{Read, Write};
use std::net::TcpListener;

use kafka_broker::{Broker, Options};

use crate::support::{text, tributary};

#[test]
fn a_wrong_password_is_one_line_that_does_not_show_it() {
    let broker = Broker::start(Options::new().user("alice", "open-sesame"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kafka.properties");
    let collector = || {
        let mut command = tributary();
        command.args(["collector", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--log", "debug,librdkafka=trace,rdkafka=trace", "--kafka-config"]).arg(&file);
        command.args(["--bus", &format!("kafka://{}", broker.bootstrap())]);
        command
    };
    let wrong = broker.client_properties(Some(("SCRAM-SHA-512", "alice", "hunter2-guessed")));
    std::fs::write(&file, wrong).unwrap();
    let from_file = collector().output().unwrap();
    std::fs::write(&file, broker.client_properties(Some(("SCRAM-SHA-512", "alice", "open-sesame")))).unwrap();
    let from_variable = collector().env("TRIBUTARY_KAFKA_PASSWORD", "hunter2-guessed").output().unwrap();
    for output in [from_file, from_variable] {
        assert_eq!(output.status.code(), Some(1));
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let errors: Vec<_> = err.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("{err}") };
        assert!(error.contains("uthentication failed") && error.contains("TRIBUTARY_KAFKA_PASSWORD"), "{error}");
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
        assert!(!out.contains("open-sesame") && !err.contains("open-sesame"), "{out}{err}");
    }
}

#[test]
fn a_client_that_gets_no_token_ends_with_one_line() {
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let refuses = format!("http://{}/token", provider.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in provider.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let body = r#"{"error":"invalid_client"}"#;
            let head = format!("HTTP/1.1 401 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kafka.properties");
    for (endpoint, expected) in
        [(refuses.as_str(), "answers 401 invalid_client"), ("http://127.0.0.1:1/token", "cannot be reached")]
    {
        let text_of_file = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url={endpoint}\n\
             sasl.jaas.config=a.OAuthBearerLoginModule required clientId=\"me\" clientSecret=\"hunter2\";\n"
        );
        std::fs::write(&file, text_of_file).unwrap();
        let mut command = tributary();
        command.args(["collector", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--log", "debug,librdkafka=trace,rdkafka=trace,ureq=trace", "--kafka-config"]).arg(&file);
        // Nobody is there; nobody is asked before there is a token.
        let output = command.args(["--bus", "kafka://127.0.0.1:1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let err = text(&output.stderr);
        let errors: Vec<_> = err.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("{err}") };
        assert!(error.contains(&format!("the token endpoint {endpoint} {expected}")), "{error}");
        // me:hunter2 as basic authentication has it, too.
        assert!(!err.contains("hunter2") && !err.contains("bWU6aHVudGVyMg"), "{err}");
    }
}

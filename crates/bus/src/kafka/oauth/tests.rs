use std::io::{Read, Write};
use std::net::TcpListener;

use super::super::properties::{Authorities, Secret};
use super::*;

fn grant(endpoint: &str) -> Grant {
    Grant {
        endpoint: endpoint.to_owned(),
        client_id: "tributary".to_owned(),
        client_secret: Secret::new("hidden"),
        scope: Some("kafka write".to_owned()),
        authorities: Authorities::System,
    }
}

/// An endpoint that gives these answers, one a request; what it was asked.
fn endpoint(answers: Vec<(u16, String)>) -> (Tokens, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tokens = Tokens::new(grant(&format!("http://{}/token", listener.local_addr().unwrap())));
    let serving = std::thread::spawn(move || {
        let answer = |(status, body): (u16, String)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"scope=kafka+write") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        };
        answers.into_iter().map(answer).collect()
    });
    (tokens, serving)
}

fn opaque(token: &str, seconds: u64) -> (u16, String) {
    (200, format!(r#"{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}"#))
}

#[test]
fn a_token_is_asked_for_with_basic_authentication_and_kept_for_half_of_its_time() {
    let (tokens, serving) = endpoint(vec![opaque("one", 3600)]);
    let (first, second) = (tokens.get().unwrap(), tokens.clone().get().unwrap());
    assert_eq!((first.text.as_str(), second.text.as_str()), ("one", "one"));
    assert_eq!(first.principal, "tributary");
    let asked = serving.join().unwrap().remove(0).to_lowercase();
    assert!(asked.starts_with("post /token http/1.1\r\n"), "{asked}");
    // tributary:hidden
    assert!(asked.contains("authorization: basic dhjpynv0yxj5omhpzgrlbg==\r\n"), "{asked}");
    assert!(asked.ends_with("grant_type=client_credentials&scope=kafka+write"), "{asked}");
}

#[test]
fn a_token_that_is_half_over_is_replaced_and_used_on_while_that_is_not_possible() {
    let (tokens, serving) = endpoint(vec![opaque("one", 3600), (503, String::new()), opaque("two", 3600)]);
    let get = || tokens.get().unwrap().text;
    assert_eq!(get(), "one");
    let mut kept = tokens.0.kept.lock().unwrap();
    let token = kept.as_mut().unwrap();
    let more_than_half = Duration::from_secs(1900);
    (token.fetched, token.expires) = (token.fetched - more_than_half, token.expires - more_than_half);
    drop(kept);
    assert_eq!(get(), "one", "the endpoint is away");
    assert_eq!(get(), "two");
    serving.join().unwrap();
}

#[test]
fn what_an_endpoint_says_is_one_line_without_the_secret() {
    let cases = [
        (
            401,
            r#"{"error":"invalid_client","error_description":"no\nsuch client"}"#,
            "answers 401 invalid_client: no such client",
        ),
        (400, "<html>", "answers 400"),
        (503, "", "answers 503"),
        (200, "{}", "answers without an `access_token`"),
    ];
    for (status, body, expected) in cases {
        let failure = endpoint::read("https://idp/token", status, body).err().unwrap();
        assert_eq!(failure.to_string(), format!("the token endpoint https://idp/token {expected}"));
        assert_eq!(matches!(failure, Failure::Passing(_)), status == 503);
    }
    let nowhere = Tokens::new(grant("http://127.0.0.1:1/token")).get().err().unwrap();
    assert!(matches!(&nowhere, Failure::Passing(line) if line.contains("cannot be reached")), "{nowhere}");
    assert!(!format!("{nowhere} {:?}", grant("http://a/b")).contains("hidden"));
}

#[test]
fn a_jwt_says_when_it_ends_and_who_it_is_about() {
    // {"sub":"me","exp":1793577600.5}, with and without padding; what is no JWT says nothing.
    for token in ["h.eyJzdWIiOiJtZSIsImV4cCI6MTc5MzU3NzYwMC41fQ.s", "h.eyJzdWIiOiJtZSIsImV4cCI6MTc5MzU3NzYwMC41fQ==.s"]
    {
        let expected = claims::Claims { exp: Some(1_793_577_600), sub: Some("me".to_owned()) };
        assert_eq!(claims::of(token), expected);
    }
    for token in ["", "opaque", "a.b.c", "a.e30.c"] {
        assert_eq!(claims::of(token), claims::Claims::default());
    }
}

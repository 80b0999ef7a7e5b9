//! An identity provider for one client: a token endpoint and the keys that its tokens are signed with, over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Whom its tokens are for.
pub(crate) const AUDIENCE: &str = "kafka";
pub(crate) const CLIENT: &str = "tributary";
pub(crate) const SECRET: &str = "open-sesame";

/// Answers until the process ends.
pub(crate) struct Provider {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    key: RsaKeyPair,
    /// For how long the next tokens hold.
    seconds: AtomicU64,
    /// How many were given.
    given: AtomicUsize,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let shared = Arc::new(Shared { key, seconds: AtomicU64::new(3600), given: AtomicUsize::new(0) });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who hangs up early has his reasons.
                let _ = serving.answer(stream);
            }
        });
        Self { url, shared }
    }

    /// Where the public keys are.
    pub(crate) fn keys(&self) -> String {
        format!("{}/keys", self.url)
    }

    /// Where tokens are asked for.
    pub(crate) fn tokens(&self) -> String {
        format!("{}/token", self.url)
    }

    /// The next tokens hold for so long.
    pub(crate) fn give_for(&self, life: Duration) {
        self.shared.seconds.store(life.as_secs(), Ordering::Relaxed);
    }

    /// How many tokens were given so far.
    pub(crate) fn given(&self) -> usize {
        self.shared.given.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let header = |name: &str| {
            let named = lines.iter().filter_map(|line| line.split_once(": "));
            named.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut form = vec![0; length];
        reader.read_exact(&mut form)?;
        let is_client =
            header("authorization") == Some(format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))));
        let (status, body) = match lines.first().map(String::as_str).unwrap_or_default() {
            line if line.starts_with("GET /keys ") => (200, self.keys()),
            line if line.starts_with("POST /token ")
                && is_client
                && form.starts_with(b"grant_type=client_credentials") =>
            {
                (200, self.token())
            }
            line if line.starts_with("POST /token ") => (401, r#"{"error":"invalid_client"}"#.to_owned()),
            _ => (404, String::new()),
        };
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
        stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes())
    }

    /// A JSON Web Token, signed by RS256.
    fn token(&self) -> String {
        self.given.fetch_add(1, Ordering::Relaxed);
        let seconds = self.seconds.load(Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = format!(
            r#"{{"iss":"test","aud":"{AUDIENCE}","sub":"{CLIENT}","scope":"write","iat":{now},"exp":{}}}"#,
            now + seconds
        );
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(r#"{"alg":"RS256","typ":"JWT","kid":"one"}"#), encode(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{seconds}}}"#)
    }

    /// The public half of the key, as a set of JSON Web Keys.
    fn keys(&self) -> String {
        let public = self.key.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        format!(
            r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"one","n":"{modulus}","e":"{exponent}"}}]}}"#
        )
    }
}

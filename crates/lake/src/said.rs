//! What a store's error says: one line that a person can act on, without secrets. Pure.
//!
//! Stores answer with XML over several lines, and some put what they were sent into it. Only the code and the message are
//! taken over.

use std::error::Error as _;
use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// The longest message of a store that is taken over, in characters.
const LONGEST: usize = 300;

/// What is wrong, as far as it can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// The bucket is not there.
    NoBucket,
    /// The login is not known.
    UnknownKey,
    /// The login's secret is not the right one.
    WrongKey,
    /// The login was good once.
    Expired,
    /// The login may not do this.
    NotAllowed,
    /// The bucket lies elsewhere.
    WrongRegion,
    /// The clocks differ.
    ClockSkew,
    /// Too much is asked of it.
    Busy,
    /// Nobody gave a login, and this machine has none.
    NoLogin,
    /// Nobody is there.
    Unreachable,
    /// Whoever is there cannot prove to be it.
    NotTrusted,
    /// The connection broke, or no answer came.
    Broken,
    /// Anything else.
    Other,
}

/// The code of a store, and what it means.
const CODES: [(&str, Cause); 25] = [
    ("NoSuchBucket", Cause::NoBucket),
    ("ContainerNotFound", Cause::NoBucket),
    ("ContainerBeingDeleted", Cause::NoBucket),
    ("InvalidAccessKeyId", Cause::UnknownKey),
    ("XAdminUserNotFound", Cause::UnknownKey),
    ("SignatureDoesNotMatch", Cause::WrongKey),
    ("AuthenticationFailed", Cause::WrongKey),
    ("InvalidAuthenticationInfo", Cause::WrongKey),
    ("ExpiredToken", Cause::Expired),
    ("ExpiredTokenException", Cause::Expired),
    ("InvalidToken", Cause::Expired),
    ("TokenRefreshRequired", Cause::Expired),
    ("AccessDenied", Cause::NotAllowed),
    ("AllAccessDisabled", Cause::NotAllowed),
    ("AuthorizationFailure", Cause::NotAllowed),
    ("AuthorizationPermissionMismatch", Cause::NotAllowed),
    ("AuthorizationHeaderMalformed", Cause::WrongRegion),
    ("IllegalLocationConstraintException", Cause::WrongRegion),
    ("PermanentRedirect", Cause::WrongRegion),
    ("RequestTimeTooSkewed", Cause::ClockSkew),
    ("RequestExpired", Cause::ClockSkew),
    ("SlowDown", Cause::Busy),
    ("SlowDownWrite", Cause::Busy),
    ("ServiceUnavailable", Cause::Busy),
    ("ServerBusy", Cause::Busy),
];

/// Where machines of the clouds ask for their login.
const METADATA: [&str; 4] = ["169.254.169.254", "169.254.170.2", "metadata.google.internal", "/metadata/identity"];

/// What is wrong.
pub(crate) fn cause(error: &Error) -> Cause {
    let text = error.to_string();
    if let Some(code) = element(&text, "Code") {
        return CODES.iter().find(|(known, _)| *known == code).map_or(Cause::Other, |(_, cause)| *cause);
    }
    if METADATA.iter().any(|place| text.contains(place)) {
        return Cause::NoLogin;
    }
    if text.contains("redirect without LOCATION") || text.contains("status code: 301") {
        return Cause::WrongRegion;
    }
    if text.contains("status code: 503") || text.contains("status code: 429") {
        return Cause::Busy;
    }
    match (error, http_error(error).map(HttpError::kind)) {
        (_, Some(HttpErrorKind::Connect)) if deepest(error).contains("certificate") => Cause::NotTrusted,
        (_, Some(HttpErrorKind::Connect)) => Cause::Unreachable,
        (_, Some(_)) => Cause::Broken,
        (Error::PermissionDenied { .. }, _) => Cause::NotAllowed,
        (Error::Unauthenticated { .. }, _) => Cause::WrongKey,
        _ => Cause::Other,
    }
}

/// What is wrong and how to mend it, in one line.
pub(crate) fn line(error: &Error) -> String {
    let text = error.to_string();
    let code = element(&text, "Code").map(|code| format!(" ({code})")).unwrap_or_default();
    match cause(error) {
        Cause::NoBucket => format!("there is no such bucket{code}: make it, or name another"),
        Cause::UnknownKey => format!("it does not know the access key{code}: check the login, and whose store it is"),
        Cause::WrongKey => format!("it does not accept the login{code}: check the secret key or token"),
        Cause::Expired => format!("the login has expired{code}: get a new one"),
        Cause::NotAllowed => format!("the login is not allowed to do this{code}: give it the right"),
        Cause::WrongRegion => {
            let region = element(&text, "Region").map(|region| format!("={region}")).unwrap_or_default();
            format!("the bucket lies in another region{code}: set AWS_REGION{region}")
        }
        Cause::ClockSkew => format!("this machine's clock is not the store's{code}: set it right"),
        Cause::Busy => format!("it is asked too much{code}"),
        Cause::NoLogin => {
            "no login was given, and this machine has no metadata service that knows one: see docs/object-stores.md"
                .to_owned()
        }
        Cause::Unreachable => format!("nobody is there: {}", deepest(error)),
        Cause::NotTrusted => {
            format!("it is not to be trusted: {}; AWS_CA_BUNDLE names an authority of your own", deepest(error))
        }
        Cause::Broken => format!("the connection broke: {}", deepest(error)),
        Cause::Other => match element(&text, "Message") {
            Some(message) => format!("{}{code}", flat(message)),
            // A disk's errors say the path over and over; whoever asked has named it.
            None => match io_error(error) {
                Some(error) => flat(&error.to_string()),
                None => without_queries(&flat(&text)),
            },
        },
    }
}

/// What lies on this machine's disk where something of another kind must be.
pub(crate) fn in_its_place(error: &Error) -> Option<&'static str> {
    match io_error(error)?.kind() {
        io::ErrorKind::NotADirectory => Some("a file lies where one of its folders must be"),
        io::ErrorKind::IsADirectory => Some("a folder lies in its place"),
        io::ErrorKind::AlreadyExists => Some("what lies there is no file, or a file where a folder must be"),
        _ => None,
    }
}

/// The transport's error, where there was no answer.
fn http_error(error: &Error) -> Option<&HttpError> {
    within(error)
}

/// The system's error, where one lies beneath and no transport's does.
fn io_error(error: &Error) -> Option<&io::Error> {
    within(error).filter(|_| http_error(error).is_none())
}

/// An error of that kind beneath this one.
fn within<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What lies at the bottom of an error, such as `Connection refused (os error 111)`.
fn deepest(error: &Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    without_queries(&flat(&error.to_string()))
}

/// What stands between an element's tags.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0).filter(|content| !content.is_empty())
}

/// On one line, and not too long.
fn flat(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// Without the queries of URLs: signatures may be in them.
fn without_queries(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let is_url = word.contains("://");
        if is_url { word.split('?').next().unwrap_or_default() } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    fn answer(code: &str, more: &str) -> Error {
        let xml = "Server returned non-2xx status code: 400 Bad Request: <?xml version=\"1.0\"?>\n<Error>";
        error(&format!("{xml}<Code>{code}</Code>\n<Message>a\nmessage</Message>{more}</Error>"))
    }

    #[test]
    fn what_a_store_says_is_one_line_that_names_the_way_out() {
        for (error, expected) in [
            (answer("NoSuchBucket", ""), "there is no such bucket (NoSuchBucket): make it, or name another"),
            (
                answer("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
                "the bucket lies in another region (AuthorizationHeaderMalformed): set AWS_REGION=eu-west-1",
            ),
            (
                answer("RequestTimeTooSkewed", ""),
                "this machine's clock is not the store's (RequestTimeTooSkewed): set it right",
            ),
            (answer("NotImplemented", ""), "a message (NotImplemented)"),
            (error("Server returned non-2xx status code: 503 Service Unavailable: "), "it is asked too much"),
        ] {
            assert_eq!(line(&error), expected);
        }
    }

    #[test]
    fn what_a_store_repeats_of_a_request_is_not_passed_on() {
        let echo = "<AWSAccessKeyId>AKIASECRET</AWSAccessKeyId><StringToSign>AWS4 AKIASECRET</StringToSign>";
        assert!(!line(&answer("SignatureDoesNotMatch", echo)).contains("AKIASECRET"));
        assert!(!line(&answer("Strange", echo)).contains("AKIASECRET"));
        let url = error("cannot ask\nhttps://a.blob.core.windows.net/c?sv=1&sig=hunter2 for it");
        assert_eq!(line(&url), "Generic S3 error: cannot ask https://a.blob.core.windows.net/c for it");
        assert!(line(&error(&"long ".repeat(1_000))).chars().count() < 400);
    }
}

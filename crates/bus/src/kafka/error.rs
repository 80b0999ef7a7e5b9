//! What librdkafka says, as what a caller can do about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::BusError;

/// The error of an operation, in one line that begins with what was tried.
pub(super) fn of(what: &str, error: &KafkaError) -> BusError {
    let Some(code) = code(error) else { return BusError::Unavailable(format!("{what}: {error}")) };
    let detail = match error {
        KafkaError::Transaction(error) => format!("{what}: {}", one_line(&error.string())),
        _ => format!("{what}: {}", one_line(&code.to_string())),
    };
    match code {
        _ if is_takeover(code) => BusError::Fenced(detail),
        _ if is_final(code) => refused(code, detail),
        _ => BusError::Unavailable(detail),
    }
}

/// The error where a person must do something, with what that is.
pub(super) fn refused(code: Code, detail: String) -> BusError {
    match advice(code) {
        Some(advice) => BusError::Refused(format!("{detail}; {advice}")),
        None => BusError::Refused(detail),
    }
}

/// What a person can do about it.
fn advice(code: Code) -> Option<&'static str> {
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed => Some(
            "check user and password (or a client's id and secret) in --kafka-config, or TRIBUTARY_KAFKA_USERNAME and TRIBUTARY_KAFKA_PASSWORD",
        ),
        Code::UnsupportedSASLMechanism => Some("check `sasl.mechanism` in --kafka-config"),
        Code::SSL => Some(
            "check in --kafka-config that `security.protocol` is what this port speaks, and that `ssl.truststore.location` \
             has the broker's authority",
        ),
        Code::InvalidSessionTimeout => Some(
            "`session.timeout.ms` in --kafka-config must lie between the broker's `group.min.session.timeout.ms` and \
             `group.max.session.timeout.ms` (6 s and 30 min where nobody has changed them)",
        ),
        Code::TopicAuthorizationFailed => Some(
            "allow this user the topics of --topic-prefix: kafka-acls.sh --add \
             --operation All --topic PREFIX --resource-pattern-type prefixed",
        ),
        Code::GroupAuthorizationFailed => Some(
            "allow this user the groups of --topic-prefix: kafka-acls.sh --add \
             --operation All --group PREFIX --resource-pattern-type prefixed",
        ),
        Code::TransactionalIdAuthorizationFailed => Some(
            "allow this user the transactions of --topic-prefix: \
             kafka-acls.sh --add --operation All --transactional-id PREFIX --resource-pattern-type prefixed",
        ),
        _ => None,
    }
}

/// The code of any error, those of transactions included.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

/// Whether somebody else has this member's place: its partitions, its name in the group, or its transactions.
pub(super) fn is_takeover(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::FencedInstanceId
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::InvalidProducerIdMapping
            | Code::UnknownMemberId
            | Code::IllegalGeneration
            | Code::RebalanceInProgress
            | Code::AssignmentLost
            | Code::PollExceeded
    )
}

/// Whether the group was at its next generation already, or on its way there.
pub(super) fn is_between_generations(error: &KafkaError) -> bool {
    matches!(code(error), Some(Code::IllegalGeneration | Code::RebalanceInProgress))
}

/// Whether a broker did not let us in.
pub(super) fn is_login(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed)
}

/// Whether trying again without a change by a person is in vain.
pub(super) fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SSL
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::InvalidSessionTimeout
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
    )
}

/// A message of librdkafka's without line ends, which it has where OpenSSL speaks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

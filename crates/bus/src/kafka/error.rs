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
        _ if is_final(code) => BusError::Refused(detail),
        _ => BusError::Unavailable(detail),
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

/// Whether trying again without a change by a person is in vain.
pub(super) fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SSL
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
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

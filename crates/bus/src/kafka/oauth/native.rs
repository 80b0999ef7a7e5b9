//! Gives a client of librdkafka its token. The binding does that by itself for clients whose queue is polled; a client that
//! administers topics has none.

#![expect(unsafe_code, reason = "the binding has no function for it")]

use std::ffi::{CStr, CString, c_char};

use rdkafka::bindings::rd_kafka_oauthbearer_set_token;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaRespErr;

use super::Token;

/// The client logs in with the token from now on.
pub(in super::super) fn give<C: ClientContext>(client: &Client<C>, token: &Token) -> Result<(), String> {
    let c_string = |text: &str| CString::new(text).map_err(|_| "a token holds a zero".to_owned());
    let (text, principal) = (c_string(&token.text)?, c_string(&token.principal)?);
    let mut error = [0 as c_char; 512];
    // SAFETY: the client lives as long as the borrow; both texts and the buffer live longer than the call, which keeps none of
    // them; it may be called from any thread. No extensions are given, and their number is zero.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.expires_ms(),
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: librdkafka ends the text that it writes with a zero, within the length that it was told.
    Err(unsafe { CStr::from_ptr(error.as_ptr()) }.to_string_lossy().into_owned())
}

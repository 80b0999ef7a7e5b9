//! Opening a port.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A port that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}; name another address with {flag}")]
pub struct ListenError {
    address: SocketAddr,
    flag: &'static str,
    error: std::io::Error,
}

/// Opens a port. Port 0 picks a free one: ask the listener for its address. The flag is the one that an error
/// tells the user to change, such as `--listen`.
pub async fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| ListenError { address, flag, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_flag_that_mends_it() {
        let taken = listen("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let error = listen(taken.local_addr().unwrap(), "--listen").await.unwrap_err().to_string();
        assert!(error.starts_with("cannot listen on 127.0.0.1:"), "{error}");
        assert!(error.ends_with("name another address with --listen"), "{error}");
    }
}

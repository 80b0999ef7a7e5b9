//! Requests with a signature, by the same code that the client under test has: object_store's.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use hyper::{HeaderMap, Method, Request, Uri};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};

use crate::server::{ACCESS_KEY, AZURE_ACCOUNT, AZURE_KEY, Kind, ObjectServer, REGION, SECRET_KEY};

/// Asks for a new bucket, and gives the answer's first line.
pub(crate) fn put_bucket(server: &ObjectServer, name: &str) -> String {
    let place = match server.kind() {
        Kind::Azurite => format!("/{AZURE_ACCOUNT}/{name}?restype=container"),
        Kind::Versitygw | Kind::Minio => format!("/{name}"),
    };
    let uri: Uri = format!("http://{}{place}", server.address()).parse().expect("a name is no more than letters");
    let mut request = Request::new(Bytes::new().into());
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = uri;
    if server.kind() == Kind::Azurite {
        let key = AzureAccessKey::try_new(AZURE_KEY).expect("it is base64");
        AzureAuthorizer::new(&AzureCredential::AccessKey(key), AZURE_ACCOUNT)
            .try_authorize(&mut request)
            .expect("a request can be signed");
    } else {
        authorize(&mut request);
    }
    let host = server.address();
    let mut stream = TcpStream::connect(host).expect("the server answers");
    let headers = request.headers().iter().filter(|(name, _)| *name != "host" && *name != "content-length");
    let lines: String =
        headers.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("signatures are ASCII"))).collect();
    write!(stream, "PUT {place} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n{lines}\r\n")
        .expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    answer
}

/// The headers of a request with a body, signed for S3.
pub(crate) fn headers(method: &Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> HeaderMap {
    let mut request = Request::new(body.into());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    authorize(&mut request);
    request.headers().clone()
}

fn authorize(request: &mut object_store::client::HttpRequest) {
    let credential = AwsCredential { key_id: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned(), token: None };
    AwsAuthorizer::new(&credential, "s3", REGION).try_authorize(request, None).expect("a request can be signed");
}

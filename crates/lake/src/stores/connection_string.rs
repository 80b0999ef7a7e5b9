//! Azure's connection strings, `AccountName=…;AccountKey=…`, as variables of their own.

use super::Variables;

/// Parts of a connection string that say the same as a variable.
const PARTS: [(&str, &str); 4] = [
    ("AccountName", "AZURE_STORAGE_ACCOUNT_NAME"),
    ("AccountKey", "AZURE_STORAGE_ACCOUNT_KEY"),
    ("BlobEndpoint", "AZURE_STORAGE_ENDPOINT"),
    ("SharedAccessSignature", "AZURE_STORAGE_SAS_TOKEN"),
];

/// What a connection string says, as variables. Errors name parts and no values.
pub(super) fn read(text: &str) -> Result<Variables, String> {
    let mut said = Vec::new();
    let (mut protocol, mut suffix) = ("https", "core.windows.net");
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err("AZURE_STORAGE_CONNECTION_STRING has a part without `=`".to_owned());
        };
        match name {
            "DefaultEndpointsProtocol" => protocol = value,
            "EndpointSuffix" => suffix = value,
            "UseDevelopmentStorage" => said.push(("AZURE_STORAGE_USE_EMULATOR".to_owned(), value.to_owned())),
            // Endpoints of what is not blobs.
            _ if name.ends_with("Endpoint") && name != "BlobEndpoint" => {}
            _ => match PARTS.iter().find(|(part, _)| *part == name) {
                Some((_, variable)) => said.push(((*variable).to_owned(), value.to_owned())),
                None => return Err("AZURE_STORAGE_CONNECTION_STRING has a part that is not known".to_owned()),
            },
        }
    }
    let named = |name: &str| said.iter().find(|(said, _)| said == name).map(|(_, value)| value.clone());
    if let (Some(account), None) = (named("AZURE_STORAGE_ACCOUNT_NAME"), named("AZURE_STORAGE_ENDPOINT")) {
        said.push(("AZURE_STORAGE_ENDPOINT".to_owned(), format!("{protocol}://{account}.blob.{suffix}")));
    }
    Ok(said.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_variables() {
        let said =
            read("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=aGk=;EndpointSuffix=core.windows.net")
                .unwrap();
        assert_eq!(said.get("AZURE_STORAGE_ACCOUNT_KEY"), Some("aGk="));
        assert_eq!(said.get("AZURE_STORAGE_ENDPOINT"), Some("https://acme.blob.core.windows.net"));
        let said = read("BlobEndpoint=http://127.0.0.1:1/x;QueueEndpoint=http://q;SharedAccessSignature=sv=1&sig=a=;")
            .unwrap();
        assert_eq!(said.get("AZURE_STORAGE_SAS_TOKEN"), Some("sv=1&sig=a="));
        assert!(read("AccountName").unwrap_err().contains("without"));
        assert!(read("Strange=hunter2").is_err_and(|line| !line.contains("hunter2")));
    }
}

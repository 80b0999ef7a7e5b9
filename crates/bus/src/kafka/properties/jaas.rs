//! `sasl.jaas.config`: a Java class with options, which says who logs in.

use super::secret::Secret;

/// What `sasl.jaas.config` says.
pub(super) struct Login {
    pub(super) module: Module,
    /// Name and value, as written. Any of them may be a password.
    pub(super) options: Vec<(String, Secret)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Module {
    Plain,
    Scram,
    OAuthBearer,
}

impl Module {
    /// Whether the module serves a mechanism of SASL.
    pub(super) fn serves(self, mechanism: &str) -> bool {
        match self {
            Self::Plain => mechanism == "PLAIN",
            Self::Scram => matches!(mechanism, "SCRAM-SHA-256" | "SCRAM-SHA-512"),
            Self::OAuthBearer => mechanism == "OAUTHBEARER",
        }
    }

    /// The name that the file uses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PlainLoginModule",
            Self::Scram => "ScramLoginModule",
            Self::OAuthBearer => "OAuthBearerLoginModule",
        }
    }
}

/// Reads `CLASS required NAME="VALUE" … ;`. The error says what is wrong with it, and never repeats a value.
pub(super) fn parse(text: &str) -> Result<Login, String> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let class = match tokens.next() {
        Some(Token::Word(class)) => class,
        _ => return Err("does not begin with a login module".to_owned()),
    };
    let module = match class.rsplit('.').next().unwrap_or_default() {
        "PlainLoginModule" => Module::Plain,
        "ScramLoginModule" => Module::Scram,
        "OAuthBearerLoginModule" => Module::OAuthBearer,
        "Krb5LoginModule" => return Err("asks for Kerberos, which is not built in".to_owned()),
        _ => return Err("names a login module other than Plain, Scram and OAuthBearerLoginModule".to_owned()),
    };
    if tokens.next() != Some(Token::Word("required".to_owned())) {
        return Err(format!("needs the word `required` after {}", module.name()));
    }
    let mut options = Vec::new();
    loop {
        match tokens.next() {
            Some(Token::Word(name)) => match (tokens.next(), tokens.next()) {
                (Some(Token::Equals), Some(Token::Word(value) | Token::Quoted(value))) => {
                    options.push((name, Secret::new(value)));
                }
                _ => return Err("has an option that is not NAME=\"VALUE\"".to_owned()),
            },
            Some(Token::End) => break,
            Some(_) => return Err("has a value without a name".to_owned()),
            None => return Err("does not end with a semicolon".to_owned()),
        }
    }
    if tokens.peek().is_some() {
        Err("has more than one login module".to_owned())
    } else {
        Ok(Login { module, options })
    }
}

#[derive(PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Equals,
    End,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            char if char.is_whitespace() => {}
            '=' => tokens.push(Token::Equals),
            ';' => tokens.push(Token::End),
            quote @ ('"' | '\'') => {
                let mut value = String::new();
                loop {
                    match chars.next() {
                        Some('\\') => value.extend(chars.next()),
                        Some(char) if char == quote => break,
                        Some(char) => value.push(char),
                        None => return Err("has a quote that does not end".to_owned()),
                    }
                }
                tokens.push(Token::Quoted(value));
            }
            char => {
                let mut word = String::from(char);
                while let Some(char) = chars.next_if(|char| !char.is_whitespace() && !matches!(char, '=' | ';')) {
                    word.push(char);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

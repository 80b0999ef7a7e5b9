//! The environment, as the clouds' clients read it.

use std::collections::BTreeMap;
use std::fmt;

/// Variables of an environment. An empty one counts as absent. Shows names, and no values: some are secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// This process's. Such as are no Unicode are passed over.
    pub fn of_process() -> Self {
        let all = std::env::vars_os();
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of these that is there, and its name.
    pub(crate) fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// A switch; off where it is absent.
    pub(crate) fn is_on(&self, name: &str) -> Result<bool, String> {
        Ok(self.switch(name)?.unwrap_or(false))
    }

    /// A switch that may be absent.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, String> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
            Some("false" | "0" | "no" | "off") => Ok(Some(false)),
            Some(_) => Err(format!("{name} is neither true nor false")),
        }
    }

    /// Refuses names that look like one of the known and are none. Other names may belong to other programs.
    pub(crate) fn check_spelling(&self, prefix: &str, known: &[&str]) -> Result<(), String> {
        for name in self.0.keys().filter(|name| name.starts_with(prefix) && !known.contains(&name.as_str())) {
            let nearest = known.iter().find(|known| strsim::damerau_levenshtein(name, known) <= 2);
            if let Some(nearest) = nearest {
                return Err(format!("variable {name}: there is no such setting; did you mean {nearest}?"));
            }
        }
        Ok(())
    }

    /// At most one of these may be there.
    pub(crate) fn at_most_one(&self, names: &[&str]) -> Result<(), String> {
        let there: Vec<_> = names.iter().filter(|name| self.get(name).is_some()).copied().collect();
        if there.len() > 1 { Err(format!("{} contradict each other: keep one", there.join(" and "))) } else { Ok(()) }
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Variables for tests.
#[cfg(test)]
pub(crate) fn variables(all: &[(&str, &str)]) -> Variables {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_refused_and_a_strange_one_is_not() {
        let known = ["AWS_REGION", "AWS_ENDPOINT_URL"];
        let check = |name| variables(&[(name, "x")]).check_spelling("AWS_", &known);
        assert_eq!(check("AWS_REGION"), Ok(()));
        assert_eq!(check("AWS_PAGER"), Ok(()));
        assert!(check("AWS_REGIN").unwrap_err().ends_with("did you mean AWS_REGION?"));
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", variables(&[("AWS_SECRET_ACCESS_KEY", "hunter2")]));
        assert_eq!(shown, r#"{"AWS_SECRET_ACCESS_KEY"}"#);
    }
}

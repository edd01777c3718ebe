//! CONFIG SET.

use carnelian_commands::as_text;
use std::fmt;

use super::spec::Id;
use super::value::{Origin, Value};
use super::{Config, Spec, id, table};

/// What CONFIG SET must know about the moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetContext {
    /// The client is on this machine (loopback or Unix socket).
    pub local_client: bool,
    /// A dataset is being loaded.
    pub loading: bool,
}

/// Why CONFIG SET changed nothing. The text is what follows `ERR` in the reply (for [`Loading`](SetError::Loading), use the
/// server's own error). Names are as the client wrote them and may hold any byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// The parameter cannot be set while loading.
    Loading,
    /// There is no such parameter.
    Unknown {
        /// The name given.
        name: Vec<u8>,
    },
    /// A value was refused, or could not be put into effect.
    Refused {
        /// The parameter at fault.
        name: Vec<u8>,
        /// Why; empty if not known.
        reason: String,
    },
}

impl SetError {
    /// The text of the error as bytes: names keep what is not UTF-8.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Loading => b"Redis is loading the dataset in memory".to_vec(),
            Self::Unknown { name } => {
                [b"Unknown option or number of arguments for CONFIG SET - '", as_text(name), b"'"].concat()
            }
            Self::Refused { name, reason } => {
                let mut text =
                    [b"CONFIG SET failed (possibly related to argument '", as_text(name), b"')"].concat();
                if !reason.is_empty() {
                    text.extend(b" - ");
                    text.extend(reason.as_bytes());
                }
                text
            }
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for SetError {}

impl Config {
    /// Answers CONFIG SET: sets all parameters or none.
    ///
    /// First every name is checked, then every value is parsed, and only then `apply` is called once for each parameter that
    /// has changed, in the order given, with the whole new configuration. If it fails, all old values come back and `apply`
    /// is called again for what had been applied, so that it can undo it; errors of that second round are ignored.
    pub fn set(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        context: SetContext,
        apply: &mut dyn FnMut(Id, &Self) -> Result<(), String>,
    ) -> Result<(), SetError> {
        let found = self.find_all(pairs, context)?;
        let old = self.values.clone();
        let mut changed = Vec::new();
        for ((id, name), (_, text)) in found.iter().zip(pairs) {
            let spec = id.spec();
            // Not the quoting rules of files: a plain split at each space.
            let args: Vec<Vec<u8>> = if !spec.multi_arg {
                vec![text.to_vec()]
            } else if text.is_empty() {
                Vec::new()
            } else {
                text.split(|b| *b == b' ').map(<[u8]>::to_vec).collect()
            };
            match Value::parse(spec, &args, self.get(*id), Origin::Command) {
                Ok(value) => {
                    if (spec.volatile || value != *self.get(*id)) && !changed.contains(&(*id, *name)) {
                        changed.push((*id, *name));
                    }
                    self.values[id.index()] = value;
                }
                Err(reason) => {
                    self.values = old;
                    return Err(SetError::Refused {
                        name: name.as_bytes().to_vec(),
                        reason: reason.into_owned(),
                    });
                }
            }
        }
        for (done, (id, name)) in changed.iter().enumerate() {
            if let Err(reason) = apply(*id, self) {
                self.values = old;
                for (id, _) in &changed[..=done] {
                    let _ = apply(*id, self);
                }
                return Err(SetError::Refused { name: name.as_bytes().to_vec(), reason });
            }
        }
        Ok(())
    }

    /// Finds the parameters of all pairs; the first that may not be set decides the error.
    fn find_all(
        &self,
        pairs: &[(&[u8], &[u8])],
        context: SetContext,
    ) -> Result<Vec<(Id, &'static str)>, SetError> {
        let mut found: Vec<(Id, &'static str)> = Vec::with_capacity(pairs.len());
        for (given, value) in pairs {
            let refused =
                |reason: &str| SetError::Refused { name: given.to_vec(), reason: reason.to_owned() };
            let Some((id, name)) = table::find(given) else {
                return Err(SetError::Unknown { name: given.to_vec() });
            };
            let spec = id.spec();
            if spec.immutable && !(spec.settable_unchanged && self.text(id) == *value) {
                return Err(refused("can't set immutable config"));
            }
            if spec.protected && !self.allows(id::ENABLE_PROTECTED_CONFIGS, context.local_client) {
                return Err(refused("can't set protected config"));
            }
            if spec.deny_loading && context.loading {
                return Err(SetError::Loading);
            }
            // An alias and its primary name may stand side by side, as in Redis.
            if found.iter().any(|(_, known)| *known == name) {
                return Err(refused("duplicate parameter"));
            }
            found.push((id, name));
        }
        Ok(found)
    }

    /// Whether one of the `enable-...` parameters lets a client do the thing.
    pub fn allows(&self, id: Id, local_client: bool) -> bool {
        match self.word(id) {
            "yes" => true,
            "local" => local_client,
            _ => false,
        }
    }
}

/// The description of the parameter of that name or alias, in any letter case; for example to find out whether the value in
/// a command must be kept out of logs.
pub fn find_spec(name: &[u8]) -> Option<&'static Spec> {
    table::find(name).map(|(id, _)| id.spec())
}

//! The requests that set up a connection.

use carnelian_resp::{Protocol, Reply};

use crate::error::Error;
use crate::options::ConnectOptions;
use crate::pipeline::Pipeline;

/// The requests, to be sent in one go, and the name of each for error messages.
pub(crate) fn requests(options: &ConnectOptions) -> (Pipeline, Vec<&'static str>) {
    let (mut pipeline, mut names) = (Pipeline::new(), Vec::new());
    let password = options.password.as_deref();
    let name = options.client_name.as_deref();
    match options.protocol {
        Protocol::Resp3 => {
            let mut hello = vec!["HELLO", "3"];
            if let Some(password) = password {
                hello.extend(["AUTH", options.username.as_deref().unwrap_or("default"), password]);
            }
            if let Some(name) = name {
                hello.extend(["SETNAME", name]);
            }
            pipeline.command(&hello);
            names.push("HELLO");
        }
        Protocol::Resp2 => {
            if let Some(password) = password {
                let mut auth = vec!["AUTH"];
                auth.extend(options.username.as_deref());
                auth.push(password);
                pipeline.command(&auth);
                names.push("AUTH");
            }
            if let Some(name) = name {
                pipeline.command(&["CLIENT", "SETNAME", name]);
                names.push("CLIENT SETNAME");
            }
        }
    }
    if options.database != 0 {
        pipeline.command(&["SELECT", &options.database.to_string()]);
        names.push("SELECT");
    }
    (pipeline, names)
}

/// The first refusal among the replies, if there is one.
pub(crate) fn judge(names: &[&'static str], replies: &[Reply]) -> Result<(), Error> {
    for (name, reply) in names.iter().zip(replies) {
        if let Some(text) = reply.error() {
            return Err(Error::Refused(name, String::from_utf8_lossy(text).into_owned()));
        }
    }
    Ok(())
}

//! Reads requests from the standard input and prints what each consists of.
//!
//! `printf 'SET k "a value"\r\n*1\r\n$4\r\nPING\r\n' | cargo run -p carnelian-resp --example parse`

use std::io::{Read, Write};

use carnelian_resp::{Limits, RequestParser, Status};

fn main() -> std::io::Result<()> {
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut parser = RequestParser::new(Limits::default());
    // The request being read starts at `start`; what lies before it is done with.
    let (mut buffer, mut start) = (Vec::new(), 0);
    let mut chunk = [0; 4096];
    loop {
        match parser.parse(&buffer[start..]) {
            Ok(Status::Complete { len }) => {
                let args = parser.args(&buffer[start..]);
                writeln!(stdout, "{} arguments, {len} bytes", args.len())?;
                for arg in args {
                    writeln!(stdout, "  \"{}\"", arg.escape_ascii())?;
                }
                start += len;
            }
            Ok(Status::Incomplete { needed }) => {
                buffer.drain(..start);
                start = 0;
                let read = stdin.read(&mut chunk)?;
                if read == 0 {
                    if parser.is_midway() {
                        writeln!(
                            stdout,
                            "the input ends inside a request that needs {needed} bytes or more"
                        )?;
                    }
                    return Ok(());
                }
                buffer.extend_from_slice(&chunk[..read]);
            }
            Err(error) => {
                writeln!(stdout, "Protocol error: {error}")?;
                return Ok(());
            }
        }
    }
}

//! `--stat`: a line about the server every second.

use std::time::Duration;

use carnelian_resp::Reply;

use crate::console::{Exit, err, out};
use crate::modes::latency;
use crate::session::Session;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const LINES_PER_HEADER: u64 = 20;
const HEADER: &str = "\
------- data ------ --------------------- load -------------------- - child -
keys       mem      clients blocked requests            connections          
";

/// Run until stopped.
pub(crate) fn run(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    let interval = session.options.interval.unwrap_or(DEFAULT_INTERVAL);
    let (mut lines, mut requests) = (0_u64, None);
    loop {
        let info = match session.link()?.call(&["INFO"]) {
            Ok(Reply::Error(text)) => {
                err!(session.console, "ERROR: {}\n", String::from_utf8_lossy(&text));
                return Err(Exit::FAILURE);
            }
            Ok(reply) => String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned(),
            Err(error) if error.is_disconnect() => {
                latency::wait_for_server(session)?;
                continue;
            }
            Err(error) => {
                err!(session.console, "Error: {error}\n");
                return Err(Exit::FAILURE);
            }
        };
        if lines.is_multiple_of(LINES_PER_HEADER) {
            out!(session.console, "{HEADER}");
        }
        lines += 1;
        session.console.print(line(&info, &mut requests))?;
        session.pause(interval)?;
    }
}

/// One line from the text of INFO; `requests` is the count of the line before.
fn line(info: &str, requests: &mut Option<i64>) -> String {
    let field = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.trim_end().parse::<i64>().ok()).unwrap_or(0)
    };
    let keys: i64 = info
        .lines()
        .filter_map(|line| {
            let (name, fields) = line.strip_prefix("db")?.split_once(":keys=")?;
            name.parse::<u32>().ok()?;
            fields.split(',').next()?.parse::<i64>().ok()
        })
        .sum();
    let now = field("total_commands_processed");
    let since = now - requests.unwrap_or(now);
    *requests = Some(now);
    let jobs = [
        ("SAVE", field("rdb_bgsave_in_progress")),
        ("AOF", field("aof_rewrite_in_progress")),
        ("LOAD", field("loading")),
    ];
    let jobs: Vec<&str> = jobs.iter().filter(|(_, running)| *running != 0).map(|(name, _)| *name).collect();
    format!(
        "{keys:<11}{:<8} {:<8}{:<8}{:<19} {:<12}{}\n",
        human_bytes(field("used_memory")),
        field("connected_clients"),
        field("blocked_clients"),
        format!("{now} (+{since})"),
        field("total_connections_received"),
        jobs.join("+")
    )
}

/// `512B`, `1.50K`, `2.25M` and so on.
fn human_bytes(bytes: i64) -> String {
    if bytes.unsigned_abs() < 1024 {
        return format!("{bytes}B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 'K');
    for next in ['M', 'G', 'T', 'P'] {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.2}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_from_info() {
        let info = "# Clients\r\nconnected_clients:2\r\nblocked_clients:1\r\nused_memory:1572864\r\nloading:0\r\n\
                    rdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:1\r\ntotal_connections_received:7\r\n\
                    total_commands_processed:120\r\n# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\ndb9:keys=2,expires=1\r\n";
        let mut requests = None;
        assert_eq!(
            line(info, &mut requests),
            "5          1.50M    2       1       120 (+0)            7           SAVE+AOF\n"
        );
        assert_eq!(
            line("total_commands_processed:125\r\n", &mut requests).split_whitespace().nth(5),
            Some("(+5)")
        );
    }

    #[test]
    fn sizes_for_people() {
        let texts = [0, 1023, 1024, 1536, 1 << 20, 3 << 30, 1 << 40, -2048].map(human_bytes);
        assert_eq!(texts, ["0B", "1023B", "1.00K", "1.50K", "1.00M", "3.00G", "1.00T", "-2.00K"]);
    }
}

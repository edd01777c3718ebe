//! Counts to ten thousand from many tasks that share one connection, then in one pipeline.
//!
//! `cargo run -p carnelian-client --example pipeline_async -- redis://127.0.0.1:6379`

use std::io::Write;

use carnelian_client::{Client, ConnectOptions, Pipeline, check};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into());
    let (client, _) = Client::connect(&ConnectOptions::from_url(&url)?).await?;
    check(client.command(&["DEL", "counter"]).await?)?;

    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    check(client.command(&["INCR", "counter"]).await?)?;
                }
                Ok::<_, carnelian_client::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }

    let mut pipeline = Pipeline::new();
    for _ in 0..5_000 {
        pipeline.command(&["INCR", "counter"]);
    }
    let replies = client.pipeline(pipeline).await?;
    let last = replies.last().and_then(carnelian_client::Reply::as_i64);
    writeln!(std::io::stdout(), "counted to {}", last.unwrap_or_default())?;
    Ok(())
}

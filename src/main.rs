//! The `longhand` command: builds the runtime and maps the exit status; everything else is in the library.

use longhand::cli::{self, ExitStatus};

#[tokio::main]
async fn main() -> ExitStatus {
    cli::main().await
}

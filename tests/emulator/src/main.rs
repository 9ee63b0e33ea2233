//! Runs the emulator until Ctrl-C, and prints what a client needs to know.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cos_emulator::{Cors, Emulator, ExpiryAnswer, Role, TemporaryKey};

const DEFAULT_REGION: &str = "ap-guangzhou";

/// A strict local Tencent Cloud COS.
#[derive(Debug, Parser)]
#[command(version)]
struct Settings {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9911")]
    listen: String,
    /// Speak TLS, with a certificate of a throw-away authority
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "only")]
    tls: Option<TlsUse>,
    /// Folder for objects and their index; without it they go when the emulator goes
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Permanent `SecretId`
    #[arg(long, requires = "secret_key")]
    secret_id: Option<String>,
    /// Permanent `SecretKey`
    #[arg(long, requires = "secret_id")]
    secret_key: Option<String>,
    /// A bucket, in ap-guangzhou unless a region is given; may be repeated
    #[arg(long, value_name = "NAME-APPID[@REGION]")]
    bucket: Vec<String>,
    /// A bucket with versioning; may be repeated
    #[arg(long, value_name = "NAME-APPID[@REGION]")]
    versioned: Vec<String>,
    /// Demand that signatures cover everything a bucket in strict signature mode may ask for
    #[arg(long)]
    strict: bool,
    /// Take parts of any size, not only of 1 MB and more
    #[arg(long)]
    small_parts: bool,
    /// How long restoring an archived object takes, whatever its tier
    #[arg(long, value_name = "SECONDS")]
    restore_time: Option<u64>,
    /// Print a temporary key that lives this long, in place of the permanent one
    #[arg(long, value_name = "SECONDS")]
    temporary: Option<u64>,
    /// A file with the policy of the temporary key
    #[arg(long, value_name = "FILE", requires = "temporary")]
    temporary_policy: Option<PathBuf>,
    /// How to answer requests whose temporary key is over
    #[arg(long, value_enum, default_value = "bad-request")]
    expired: Expired,
    /// A file with the policy that says what the permanent key may do
    #[arg(long, value_name = "FILE")]
    rights: Option<PathBuf>,
    /// A role that can be assumed, with a file that holds its policy; may be repeated
    #[arg(long, value_name = "NAME[=FILE]")]
    role: Vec<String>,
    /// A token of an identity provider and the role it is good for; may be repeated
    #[arg(long, num_args = 3, value_names = ["PROVIDER", "TOKEN", "ROLE"])]
    web_identity: Vec<String>,
    /// Let the pages of this origin use the buckets there are at the start, `*` for all; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// The role of the instance whose metadata is played
    #[arg(long, value_name = "ROLE")]
    instance_role: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TlsUse {
    /// Nothing else
    Only,
    /// Plain HTTP as well, on the same port, to clients that do not begin with TLS
    Too,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Expired {
    /// 400 `ExpiredToken`
    BadRequest,
    /// 403 `ExpiredToken`
    Forbidden,
    /// 403 `AccessDenied`, Request has expired
    Request,
    /// 403 without a body for HEAD, else 400 `ExpiredToken`
    BareHead,
}

impl From<Expired> for ExpiryAnswer {
    fn from(expired: Expired) -> Self {
        match expired {
            Expired::BadRequest => Self::BadRequest,
            Expired::Forbidden => Self::Forbidden,
            Expired::Request => Self::RequestHasExpired,
            Expired::BareHead => Self::BareHead,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("cos-emulator: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    let emulator = start(&settings).await?;
    let ca_file = write_ca(&emulator)?;
    let temporary = settings.temporary.map(Duration::from_secs);
    let temporary = match (temporary, &settings.temporary_policy) {
        (Some(lifetime), Some(file)) => Some(emulator.mint_with(lifetime, &read(file)?)),
        (lifetime, _) => lifetime.map(|lifetime| emulator.mint(lifetime)),
    };
    let stop = asked_to_stop()?; // a script may ask as soon as it has read the lines
    print_environment(&emulator, temporary.as_ref(), ca_file.as_ref())?;
    stop.await?;
    // Whoever read the environment may be gone by now.
    let _ = writeln!(io::stdout(), "stopping");
    Ok(())
}

/// Ctrl-C, or the signal that scripts send: either way the temporary folder goes.
#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    })
}

#[cfg(not(unix))]
fn asked_to_stop() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}

async fn start(settings: &Settings) -> Result<Emulator, Box<dyn Error>> {
    let mut builder = Emulator::builder()
        .listen(&settings.listen)
        .tls_self_made(settings.tls.is_some())
        .plain_too(settings.tls == Some(TlsUse::Too))
        .strict_signature(settings.strict)
        .small_parts(settings.small_parts)
        .expiry_answer(settings.expired.into())
        .journal(false);
    if let Some(seconds) = settings.restore_time {
        builder = builder.restore_time(Duration::from_secs(seconds));
    }
    for text in &settings.bucket {
        let (name, region) = text.split_once('@').unwrap_or((text, DEFAULT_REGION));
        builder = builder.bucket(name, region);
    }
    for text in &settings.versioned {
        let (name, region) = text.split_once('@').unwrap_or((text, DEFAULT_REGION));
        builder = builder.versioned_bucket(name, region);
    }
    if let (Some(id), Some(key)) = (&settings.secret_id, &settings.secret_key) {
        builder = builder.credentials(id, key);
    }
    if let Some(data) = &settings.data {
        builder = builder.data_dir(data);
    }
    if let Some(file) = &settings.rights {
        builder = builder.rights(read(file)?);
    }
    for text in &settings.role {
        builder = builder.role(match text.split_once('=') {
            Some((name, file)) => Role::new(name).policy(read(Path::new(file))?),
            None => Role::new(text),
        });
    }
    for identity in settings.web_identity.chunks_exact(3) {
        builder = builder.web_identity(&identity[0], &identity[1], &identity[2]);
    }
    for origin in &settings.cors {
        builder = builder.cors(Cors::origin(origin));
    }
    if let Some(role) = &settings.instance_role {
        builder = builder.instance_role(role);
    }
    Ok(builder.start().await?)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// The authority's certificate, in a file that goes with the process.
fn write_ca(emulator: &Emulator) -> Result<Option<tempfile::NamedTempFile>, Box<dyn Error>> {
    let Some(pem) = emulator.ca_pem() else { return Ok(None) };
    let mut file = tempfile::Builder::new().prefix("cos-emulator-ca-").suffix(".pem").tempfile()?;
    file.write_all(pem.as_bytes())?;
    Ok(Some(file))
}

/// The lines to copy into a shell.
fn print_environment(
    emulator: &Emulator,
    temporary: Option<&TemporaryKey>,
    ca_file: Option<&tempfile::NamedTempFile>,
) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "# listening on {}, stop with Ctrl-C", emulator.address())?;
    writeln!(out, "# STS and the metadata of the instance answer there, too")?;
    writeln!(out, "export COS_ENDPOINT={}", emulator.endpoint())?;
    writeln!(out, "export COS_BUCKET={}", emulator.bucket())?;
    writeln!(out, "export COS_REGION={}", emulator.region())?;
    if let Some(key) = temporary {
        writeln!(out, "export TENCENTCLOUD_SECRET_ID={}", key.secret_id)?;
        writeln!(out, "export TENCENTCLOUD_SECRET_KEY={}", key.secret_key)?;
        writeln!(out, "export TENCENTCLOUD_TOKEN={}", key.token)?;
    } else {
        writeln!(out, "export TENCENTCLOUD_SECRET_ID={}", emulator.secret_id())?;
        writeln!(out, "export TENCENTCLOUD_SECRET_KEY={}", emulator.secret_key())?;
    }
    if let Some(file) = ca_file {
        writeln!(out, "export SSL_CERT_FILE={}", file.path().display())?;
    }
    out.flush()?;
    Ok(())
}

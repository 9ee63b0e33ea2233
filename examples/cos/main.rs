//! Everyday commands on Tencent Cloud COS, over the public API of `tencent_cos` alone.
//!
//! `cargo run --example cos -- --help`

#![allow(clippy::doc_markdown)] // doc comments are help texts here, read on a terminal

mod accelerate;
mod acl;
mod amount;
mod attributes;
mod bars;
mod bucket;
mod cat;
mod certificate;
mod completion;
mod copy;
mod cors;
mod cp;
mod domain;
mod download;
mod du;
mod encryption;
mod failure;
mod hint;
mod input;
mod interrupt;
mod inventory;
mod lifecycle;
mod ln;
mod lock;
mod logging;
mod ls;
mod mv;
mod options;
mod origin;
mod orphans;
mod output;
mod policy;
mod presign;
mod referer;
mod replication;
mod restore;
mod rm;
mod rules;
mod select;
mod session;
mod sign;
mod stat;
mod sts;
mod sweep;
mod switch;
mod sync;
mod tag;
mod terminal;
mod tiering;
mod trace;
mod tree;
mod upload;
mod url;
mod versioning;
mod website;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::runtime;
use tokio::task::JoinError;

use crate::failure::{Failure, Outcome, tell_plainly};
use crate::interrupt::{Interrupt, Signals};
use crate::session::Session;

const FIRST_STEPS: &str = "\
First steps:
  cargo run -p cos-emulator    # a COS on this machine; prints lines for the shell
  cos ls
  cos cp a.png cos://examplebucket-1250000000/photos/a.png
  cos cp --help                # each command has examples

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted by Ctrl-C, SIGTERM or SIGHUP";

/// Everyday commands on Tencent Cloud COS.
///
/// Objects are cos://BUCKET-APPID/KEY. The key is literal: everything behind the first slash after the bucket, with
/// nothing decoded; `?` and `#` belong to it. `-` is standard input or output.
///
/// The key to sign with comes from TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and, if it is temporary,
/// TENCENTCLOUD_TOKEN; else from ~/.tencentcloud/credentials or tccli's profile, the TKE pod, the CVM instance.
#[derive(Debug, Parser)]
#[command(name = "cos", version, max_term_width = 100, after_help = FIRST_STEPS)]
struct Settings {
    #[command(flatten)]
    general: General,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "General options")]
struct General {
    /// Address in place of COS's own, like http://127.0.0.1:9911 [else: COS_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// Region of the bucket, like ap-guangzhou [else: COS_REGION, TENCENTCLOUD_REGION, TKE_REGION]
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,
    /// Print each result as one line of JSON; of what fails in a tree, too. The last line of standard error is then
    /// {"error": {...}} when the command fails
    #[arg(long, global = true)]
    json: bool,
    /// Draw no bars on a terminal
    #[arg(long, global = true)]
    no_progress: bool,
    /// Tell on standard error what is sent and what COS answers
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a bucket
    #[command(after_help = "Example:\n  cos mb cos://examplebucket-1250000000 --tag team=blue")]
    Mb(bucket::Mb),
    /// Remove an empty bucket
    #[command(after_help = "Example:\n  cos rb cos://examplebucket-1250000000")]
    Rb(bucket::Bucket),
    #[command(after_help = ls::EXAMPLES)]
    Ls(ls::Ls),
    #[command(after_help = du::EXAMPLES)]
    Du(du::Du),
    #[command(after_help = stat::EXAMPLES)]
    Stat(stat::Stat),
    /// Write an object to standard output
    #[command(after_help = "Example:\n  cos cat --range 0-99 cos://examplebucket-1250000000/notes/a.txt")]
    Cat(cat::Cat),
    #[command(after_help = cp::EXAMPLES)]
    Cp(cp::Cp),
    #[command(after_help = mv::EXAMPLES)]
    Mv(mv::Mv),
    #[command(after_help = sync::EXAMPLES)]
    Sync(sync::Sync),
    #[command(after_help = orphans::EXAMPLES)]
    Orphans(orphans::Orphans),
    #[command(after_help = lifecycle::EXAMPLES)]
    Lifecycle(lifecycle::Lifecycle),
    #[command(after_help = inventory::EXAMPLES)]
    Inventory(inventory::Inventory),
    #[command(after_help = tiering::EXAMPLES)]
    Tiering(tiering::Tiering),
    #[command(after_help = cors::EXAMPLES)]
    Cors(cors::Cors),
    #[command(after_help = encryption::EXAMPLES)]
    Encryption(encryption::Encryption),
    #[command(after_help = website::EXAMPLES)]
    Website(website::Website),
    #[command(after_help = referer::EXAMPLES)]
    Referer(referer::Referer),
    #[command(after_help = accelerate::EXAMPLES)]
    Accelerate(accelerate::Accelerate),
    #[command(after_help = versioning::EXAMPLES)]
    Versioning(versioning::Versioning),
    #[command(after_help = logging::EXAMPLES)]
    Logging(logging::Logging),
    #[command(after_help = replication::EXAMPLES)]
    Replication(replication::Replication),
    #[command(after_help = domain::EXAMPLES)]
    Domain(domain::Domain),
    #[command(after_help = certificate::EXAMPLES)]
    Certificate(certificate::Certificate),
    #[command(after_help = origin::EXAMPLES)]
    Origin(origin::Origin),
    #[command(after_help = rm::EXAMPLES)]
    Rm(rm::Rm),
    #[command(after_help = ln::EXAMPLES)]
    Ln(ln::Ln),
    #[command(after_help = tag::EXAMPLES)]
    Tag(tag::Tag),
    #[command(after_help = restore::EXAMPLES)]
    Restore(restore::Restore),
    #[command(after_help = lock::EXAMPLES)]
    Lock(lock::Lock),
    #[command(after_help = select::EXAMPLES)]
    Select(select::Select),
    #[command(after_help = acl::EXAMPLES)]
    Acl(acl::AclOf),
    #[command(after_help = policy::EXAMPLES)]
    Policy(policy::Policy),
    #[command(after_help = presign::EXAMPLES)]
    Presign(presign::Presign),
    #[command(after_help = sts::EXAMPLES)]
    Sts(sts::Sts),
    #[command(after_help = sign::EXAMPLES)]
    Sign(sign::Sign),
    #[command(after_help = completion::EXAMPLES)]
    Completion(completion::Completion),
}

/// How long what was printed may take to come out when the command is over.
const LAST_WORDS: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let settings = match Settings::try_parse() {
        Ok(settings) => settings,
        // It quotes arguments, which may be names of files that a stranger chose.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            return Failure::usage(error.render().to_string().trim_end()).report(true);
        }
        Err(error) if error.use_stderr() => {
            error.render().to_string().lines().for_each(tell_plainly);
            return ExitCode::from(2);
        }
        Err(help) => {
            let printed = help.print().map_err(Failure::stdout);
            return printed.map_or_else(|failure| failure.report(false), |()| ExitCode::SUCCESS);
        }
    };
    let as_json = settings.general.json;
    if settings.general.verbose {
        trace::start();
    }
    // One works, the other listens for signals on this thread: work may wait for a pipe that nobody reads.
    let working = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let listening = runtime::Builder::new_current_thread().enable_io().build();
    let (working, listening) = match (working, listening) {
        (Ok(working), Ok(listening)) => (working, listening),
        (Err(error), _) | (_, Err(error)) => return Failure::io("cannot start", error).report(as_json),
    };
    let outcome = listening.block_on(async {
        let mut signals = Signals::new().map_err(|error| Failure::io("cannot start", error))?;
        let interrupt = Interrupt::default();
        let mut run = working.spawn(run(settings, interrupt.clone()));
        tokio::select! {
            ended = &mut run => return outcome(ended),
            () = signals.next() => {}
        }
        if !interrupt.come() {
            run.abort();
            return Err(Failure::Interrupted { hint: None });
        }
        // A transfer cleans up behind itself; who has no patience says so.
        tokio::select! {
            ended = &mut run => outcome(ended),
            () = signals.next() => {
                let hint = "what was begun may be left behind: `cos orphans` shows it".to_owned();
                Err(Failure::Interrupted { hint: Some(hint) })
            }
        }
    });
    // What was done comes out yet; a read of standard input may never end.
    working.shutdown_timeout(LAST_WORDS);
    outcome.map_or_else(|failure| failure.report(as_json), |()| ExitCode::SUCCESS)
}

/// A panic goes on here.
fn outcome(ended: Result<Outcome, JoinError>) -> Outcome {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

async fn run(Settings { general, command }: Settings, interrupt: Interrupt) -> Outcome {
    // These send nothing.
    match command {
        Command::Sign(command) => return sign::run(command, general.json).await,
        Command::Completion(command) => return completion::run(&command),
        _ => {}
    }
    let needs_region = !matches!(&command, Command::Ls(command) if command.is_about_the_account());
    let session = Session::open(&general, needs_region, interrupt)?;
    match command {
        Command::Mb(command) => bucket::make(&session, command).await,
        Command::Rb(command) => bucket::remove(&session, command).await,
        Command::Ls(command) => ls::run(&session, command).await,
        Command::Du(command) => du::run(&session, command).await,
        Command::Stat(command) => stat::run(&session, command).await,
        Command::Cat(command) => cat::run(&session, command).await,
        Command::Cp(command) => cp::run(&session, command).await,
        Command::Mv(command) => mv::run(&session, command).await,
        Command::Sync(command) => sync::run(&session, command).await,
        Command::Orphans(command) => orphans::run(&session, command).await,
        Command::Lifecycle(command) => lifecycle::run(&session, command).await,
        Command::Inventory(command) => inventory::run(&session, command).await,
        Command::Tiering(command) => tiering::run(&session, command).await,
        Command::Cors(command) => cors::run(&session, command).await,
        Command::Encryption(command) => encryption::run(&session, command).await,
        Command::Website(command) => website::run(&session, command).await,
        Command::Referer(command) => referer::run(&session, command).await,
        Command::Accelerate(command) => accelerate::run(&session, command).await,
        Command::Versioning(command) => versioning::run(&session, command).await,
        Command::Logging(command) => logging::run(&session, command).await,
        Command::Replication(command) => replication::run(&session, command).await,
        Command::Domain(command) => domain::run(&session, command).await,
        Command::Certificate(command) => certificate::run(&session, command).await,
        Command::Origin(command) => origin::run(&session, command).await,
        Command::Rm(command) => rm::run(&session, command).await,
        Command::Ln(command) => ln::run(&session, command).await,
        Command::Tag(command) => tag::run(&session, command).await,
        Command::Restore(command) => restore::run(&session, command).await,
        Command::Lock(command) => lock::run(&session, command).await,
        Command::Select(command) => select::run(&session, command).await,
        Command::Acl(command) => acl::run(&session, command).await,
        Command::Policy(command) => policy::run(&session, command).await,
        Command::Presign(command) => presign::run(&session, command).await,
        Command::Sts(command) => sts::run(&session, command).await,
        Command::Sign(_) | Command::Completion(_) => Ok(()),
    }
}

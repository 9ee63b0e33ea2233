//! What somebody at a terminal sees.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use cos_emulator::{Action, Rule};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::shell::{Shell, bytes};

const COLUMNS: usize = 100;
/// Stands where a wide letter covers a second column.
const SECOND_HALF: char = '\0';

/// What a program that runs on a terminal of 30 rows and 100 columns draws.
struct Terminal {
    child: Child,
    drawn: JoinHandle<Vec<u8>>,
}

impl Terminal {
    fn run(shell: &Shell, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
        tcsetwinsize(&slave, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let mut command = shell.command();
        command
            .env("TERM", "xterm-256color")
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave));
        let child = command.args(arguments).spawn().expect("cos starts");
        let drawn = std::thread::spawn(move || {
            let mut drawn = Vec::new();
            // It ends with an error once nobody has the terminal open.
            let _ = File::from(master).read_to_end(&mut drawn);
            drawn
        });
        Self { child, drawn }
    }

    /// The status it ends with, every line that was to be seen, and what is left on the screen.
    fn end(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let status = self.child.wait().unwrap().code();
        let drawn = String::from_utf8(self.drawn.join().unwrap()).expect("cos draws UTF-8");
        let mut screen = Screen::default();
        let mut seen = Vec::new();
        for piece in drawn.split_inclusive(['\r', '\n']) {
            screen.draw(piece);
            seen.extend(screen.lines());
        }
        (status, seen, screen.lines())
    }
}

/// As much of a terminal as the bars need.
#[derive(Default)]
struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn draw(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.row += 1,
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['));
                    let digits: String = rest.clone().take_while(char::is_ascii_digit).collect();
                    let command = rest.nth(digits.len()).expect("a command");
                    self.obey(command, digits.parse().unwrap_or(1));
                }
                c => self.put(c),
            }
        }
    }

    fn obey(&mut self, command: char, number: usize) {
        match command {
            'A' => self.row = self.row.saturating_sub(number),
            'B' => self.row += number,
            'K' if self.row < self.rows.len() => self.rows[self.row].fill(' '),
            'K' => {}
            other => panic!("{other} is new"),
        }
    }

    fn put(&mut self, c: char) {
        let is_wide = ('\u{2e80}'..='\u{9fff}').contains(&c);
        if self.column + usize::from(is_wide) >= COLUMNS {
            (self.row, self.column) = (self.row + 1, 0);
        }
        while self.rows.len() <= self.row {
            self.rows.push(vec![' '; COLUMNS]);
        }
        for cell in std::iter::once(c).chain(is_wide.then_some(SECOND_HALF)) {
            self.rows[self.row][self.column] = cell;
            self.column += 1;
        }
    }

    /// Those that are not blank.
    fn lines(&self) -> Vec<String> {
        let text = |row: &Vec<char>| row.iter().filter(|c| **c != SECOND_HALF).collect::<String>();
        let lines = self.rows.iter().map(|row| text(row).trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }
}

/// Whether it is a bar of this name, with all its figures.
fn is_bar(line: &str, name: &str) -> bool {
    line.starts_with(name) && ["█", " of ", "iB/s ", " left"].iter().all(|part| line.contains(part))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bars_are_drawn_while_it_lasts_and_then_gone() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    shell.write("in", bytes(4 << 20));
    let slow = |operation| Rule::on(operation).always().then(Action::StallBeforeHeaders(Duration::from_millis(250)));
    emulator.script(slow("Upload Part"));
    let parts = ["--part-size", "1MiB", "--concurrency", "1"];
    let url = shell.url("large");
    let (status, seen, left) = Terminal::run(&shell, &[&["cp", "in", &url][..], &parts].concat()).end();
    assert!(status == Some(0) && seen.iter().any(|line| is_bar(line, "in ")), "{seen:#?}");
    assert!(left[0].starts_with(&format!("in -> {url}: 4.00 MiB (4194304 bytes) in ")), "{left:?}");
    assert!(!left.concat().contains('█'), "{left:?}");

    fs::create_dir(shell.path("tree")).unwrap();
    shell.write("tree/a", bytes(2 << 20));
    shell.write("tree/目录", bytes(4 << 20));
    let tree = shell.url("tree");
    let (status, seen, left) = Terminal::run(&shell, &[&["cp", "-r", "tree", &tree][..], &parts].concat()).end();
    assert_eq!(status, Some(0), "{left:?}");
    for name in ["a ", "目录 ", "0 of 2 files", "1 of 2 files"] {
        assert!(seen.iter().any(|line| is_bar(line, name)), "{name}: {seen:#?}");
    }
    assert!(left.last().unwrap().starts_with("2 files transferred, 6.00 MiB (6291456 bytes) in "), "{left:?}");
    assert!(!left.concat().contains('█'), "{left:?}");

    let quiet = [&["cp", "in", &url, "--no-progress"][..], &parts].concat();
    let (_, seen, _) = Terminal::run(&shell, &quiet).end();
    assert!(!seen.concat().contains('█'), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_transfer_leaves_one_line() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    shell.write("in", bytes(4 << 20));
    emulator.script(Rule::on("Upload Part").skip(2).then(Action::StallBeforeHeaders(Duration::from_secs(20))).always());
    let parts = ["--part-size", "1MiB", "--concurrency", "1"];
    let terminal = Terminal::run(&shell, &[&["cp", "in", &shell.url("large")][..], &parts].concat());
    crate::support::until("the third part is on its way", || emulator.count("Upload Part") == 3).await;
    // Long enough for a bar to be drawn.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let id = terminal.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let (status, seen, left) = terminal.end();
    assert!(status == Some(130) && seen.iter().any(|line| is_bar(line, "in ")), "{seen:#?}");
    assert_eq!(left, ["cos: interrupted; with --checkpoint DIR the same command would go on where it ended"]);
}

//! Reading a password: typed twice without echo on a terminal, else the first line of standard input.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use anyhow::Context;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// Longest password, in bytes.
const MAX_LENGTH: u64 = 1024;
/// Byte sent by Ctrl-C when it is not turned into a signal.
const INTERRUPT: u8 = 3;

/// Reads the password of an operator.
pub fn read_password(name: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        return type_twice(name);
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(MAX_LENGTH + 1).read_line(&mut line);
    read.context("could not read the password from standard input")?;
    anyhow::ensure!(
        line.len() as u64 <= MAX_LENGTH,
        "the password is longer than {MAX_LENGTH} bytes"
    );
    let password = line.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "no password on standard input");
    Ok(password.to_owned())
}

fn type_twice(name: &str) -> anyhow::Result<String> {
    let mut terminal = Silent::open()?;
    let password = terminal.ask(&format!("New password for {name}: "))?;
    let repeated = terminal.ask("Repeat password: ")?;
    anyhow::ensure!(password == repeated, "the two passwords do not match");
    Ok(password)
}

/// A terminal without echo, restored when dropped.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn open() -> anyhow::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let terminal = terminal.context("could not open the terminal")?;
        let before = tcgetattr(&terminal).context("could not read the terminal settings")?;
        let mut silent = before.clone();
        // As a signal, Ctrl-C would end the program and leave the terminal silent; instead it ends the
        // line.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&terminal, OptionalActions::Flush, &silent)
            .context("could not turn off terminal echo")?;
        Ok(Self { terminal, before })
    }

    fn ask(&mut self, prompt: &str) -> anyhow::Result<String> {
        self.terminal.write_all(prompt.as_bytes())?;
        let mut line = Vec::new();
        let mut reader = BufReader::new((&self.terminal).take(MAX_LENGTH));
        // The terminal hands over a line at a time, so nothing of the next is lost with the reader.
        reader.read_until(b'\n', &mut line)?;
        self.terminal.write_all(b"\n")?;
        anyhow::ensure!(!line.contains(&INTERRUPT) && !line.is_empty(), "cancelled");
        let text = String::from_utf8(line).ok().context("the password is not valid UTF-8")?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _restored = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

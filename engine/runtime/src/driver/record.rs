//! What is decided, and its commit.

use runbook_core::{Input, Journal};
use runbook_step::notes::Entry;

use super::{DriveError, Driver};
use crate::project;
use crate::seen::Notice;
use crate::store::{Commit, StoreError};

impl Driver {
    /// Decides what an input means and folds it in; the events wait for the next commit.
    pub(super) fn input(&mut self, input: Input) -> Result<(), DriveError> {
        let at = self.engine.now();
        for event in self.run.decide(at, input) {
            let entry = Journal { at, event };
            self.run
                .evolve(&entry)
                .map_err(|source| DriveError::Corrupt {
                    run: self.facts.id.clone(),
                    source,
                })?;
            let (id, requests) = (&self.facts.id, &self.requests);
            project::follow(id, &self.run, &entry, requests, &mut self.told);
            self.batch.push(entry);
        }
        Ok(())
    }

    /// Takes what attempts in flight have put down since.
    pub(super) fn take_notes(&mut self) -> Result<(), DriveError> {
        while let Ok(entry) = self.notes.try_recv() {
            self.take_note(entry)?;
        }
        Ok(())
    }

    pub(super) fn take_note(&mut self, entry: Entry) -> Result<(), DriveError> {
        let Entry {
            key,
            number,
            note,
            written,
        } = entry;
        let before = self.batch.len();
        self.input(Input::Noted { key, number, note })?;
        if let Some(written) = written {
            self.noted.push((written, self.batch.len() > before));
        }
        Ok(())
    }

    /// One commit for everything that was decided in this turn.
    pub(super) async fn commit(&mut self) -> Result<(), DriveError> {
        self.gather_logs();
        if self.batch.is_empty() && self.logs.is_empty() && !self.signal_taken {
            self.tell_noted();
            return Ok(());
        }
        let events = std::mem::take(&mut self.batch);
        let logs = std::mem::take(&mut self.logs);
        let rows = std::mem::take(&mut self.told).rows(&self.run);
        let commit = Commit {
            run: self.facts.id.clone(),
            expected_seq: self.seq,
            epoch: self.claim.epoch,
            rows,
            events,
            logs,
            signal: self.signal_taken.then_some(self.signal),
            reopens: self.had_ended && !self.run.status().is_terminal(),
            definition: None,
        };
        let Commit { events, logs, .. } = match self.engine.store.record(commit).await {
            Ok(recorded) => recorded,
            Err(refused) => {
                if matches!(refused, StoreError::Locked { .. }) {
                    self.drop_words().await?;
                }
                return Err(refused.into());
            }
        };
        self.tell_noted();
        self.had_ended = self.run.status().is_terminal();
        self.signal_taken = false;
        self.requests.clear();
        let first = self.seq + 1;
        self.seq += events.len() as u64;
        let run = &self.facts.id;
        if !events.is_empty() {
            self.engine.tell(&Notice::Events {
                run: run.clone(),
                first,
                events,
                status: self.run.status(),
            });
        }
        if !logs.is_empty() {
            self.engine.tell(&Notice::Logs {
                run: run.clone(),
                lines: logs,
            });
        }
        Ok(())
    }

    /// Lets go on who waited for their note.
    fn tell_noted(&mut self) {
        for (written, believed) in self.noted.drain(..) {
            let _ = written.send(believed);
        }
    }

    /// A word that was refused is not kept for later: whoever gave it is told so.
    async fn drop_words(&mut self) -> Result<(), StoreError> {
        if !self.signal_taken {
            return Ok(());
        }
        let commit = Commit {
            run: self.facts.id.clone(),
            expected_seq: self.seq,
            epoch: self.claim.epoch,
            signal: Some(self.signal),
            ..Commit::default()
        };
        self.engine.store.append(commit).await
    }
}

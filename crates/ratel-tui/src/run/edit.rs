//! Parts of flows that are edited in a program of the user's own.

use std::io;

use ratel_core::commands::CommandError;
use ratel_core::options::keys;
use ratel_flow::FlowId;

use super::Loop;
use crate::editing::{self, Begun, Changed, Text, TextOf};
use crate::external;
use crate::msg::Msg;

/// What was edited and not taken: whoever edits the same part again goes on with it.
#[derive(Debug)]
pub(super) struct Kept {
    id: FlowId,
    part: String,
    bytes: Vec<u8>,
}

impl Loop {
    /// Begins to edit a part. What is a text is edited on the spot.
    pub(super) fn edit_part(&mut self, id: FlowId, part: String) -> io::Result<Msg> {
        let schemas = self.model.schemas();
        let begun = self.backend(Some(id), |backend| {
            editing::begin(backend, schemas.as_ref(), id, &part)
        });
        match begun {
            Ok(Begun::Text(mut text)) if text.here || self.programs.editor.is_none() => {
                let part = editing::without_here(&part).to_owned();
                text.kept = self.take_kept(id, &part);
                let fits = editing::on_screen(text.kept.as_deref().unwrap_or(&text.bytes));
                let begun = fits.map_err(CommandError::failed);
                let begun = begun.map(|()| Begun::Text(text));
                Ok(Msg::EditBegun(id, part, begun))
            }
            Ok(Begun::Text(text)) => {
                let changed = self.edit_text(id, &part, &text)?;
                Ok(Msg::Edited(id, part, changed))
            }
            begun => Ok(Msg::EditBegun(id, part, begun)),
        }
    }

    fn take_kept(&mut self, id: FlowId, part: &str) -> Option<Vec<u8>> {
        let kept = self.kept.take_if(|kept| kept.id == id && kept.part == part);
        kept.map(|kept| kept.bytes)
    }

    /// Makes a part what was edited on the screen.
    pub(super) fn set_text(&mut self, id: FlowId, part: String, of: &TextOf, bytes: &[u8]) -> Msg {
        let schemas = self.model.schemas();
        let changed = self.backend(Some(id), |backend| {
            editing::finish(backend, schemas.as_ref(), id, of, bytes)
        });
        Msg::TextSet(id, part, changed)
    }

    /// Has a program go on with what is edited on the screen.
    pub(super) fn edit_further(
        &mut self,
        id: FlowId,
        part: String,
        bytes: Vec<u8>,
        extension: &str,
    ) -> io::Result<Msg> {
        let failed = |why| Ok(Msg::TextEdited(Err(why)));
        let Some(program) = self.programs.editor.clone() else {
            return failed(super::effects::no_program("EDITOR"));
        };
        let file = match external::temporary(&bytes, extension) {
            Ok(file) => file,
            Err(why) => return failed(why),
        };
        let done = self.away(&program, file.path())?;
        let mut edited = match done.and_then(|()| external::edited(file.path())) {
            Ok(edited) => edited,
            Err(why) => return failed(why),
        };
        external::drop_added_newline(&bytes, &mut edited);
        if let Err(why) = editing::on_screen(&edited) {
            let why = format!("{why}; edit {part} in a program to go on with your text");
            self.kept = Some(Kept {
                id,
                part,
                bytes: edited,
            });
            return failed(why);
        }
        Ok(Msg::TextEdited(Ok(edited)))
    }

    fn edit_text(
        &mut self,
        id: FlowId,
        part: &str,
        text: &Text,
    ) -> io::Result<Result<Changed, CommandError>> {
        let failed = |why: String| Ok(Err(CommandError::Failed(why)));
        let Some(program) = self.programs.editor.clone() else {
            return failed(super::effects::no_program("EDITOR"));
        };
        let kept = self.take_kept(id, part);
        let start = kept.unwrap_or_else(|| text.bytes.to_vec());
        let file = match external::temporary(&start, text.extension) {
            Ok(file) => file,
            Err(why) => return failed(why),
        };
        let done = self.away(&program, file.path())?;
        let mut edited = match external::edited(file.path()) {
            Ok(edited) => edited,
            Err(why) => return failed(done.err().unwrap_or(why)),
        };
        let keep = |edited: Vec<u8>| {
            (edited != text.bytes).then(|| Kept {
                id,
                part: part.to_owned(),
                bytes: edited,
            })
        };
        if let Err(why) = done {
            self.kept = keep(edited);
            return failed(match self.kept {
                Some(_) => format!("{why}; edit {part} again to go on with your text"),
                None => why,
            });
        }
        let strips = self
            .options
            .snapshot()
            .bool(keys::CONSOLE_STRIP_TRAILING_NEWLINES);
        if strips {
            let end = edited.iter().rposition(|byte| *byte != b'\n');
            edited.truncate(end.map_or(0, |last| last + 1));
        } else {
            external::drop_added_newline(&start, &mut edited);
        }
        if edited == text.bytes {
            return Ok(Ok(Changed::No));
        }
        let schemas = self.model.schemas();
        let changed = self.backend(Some(id), |backend| {
            editing::finish(backend, schemas.as_ref(), id, &text.of, &edited)
        });
        Ok(changed.map_err(|error| {
            self.kept = keep(edited);
            CommandError::Failed(format!(
                "{error}; edit {part} again to go on with your text"
            ))
        }))
    }
}

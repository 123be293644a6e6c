//! Files whose imports are not all there. What is most often missing only brings options
//! (`google/api/annotations.proto`, `validate/validate.proto`), which say nothing of how messages are encoded.

use std::cell::RefCell;
use std::rc::Rc;

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    UninterpretedOption,
};
use protox::Error;
use protox::file::{File, FileResolver};

use super::files::Files;

/// Imports that are not there, and the files that have them.
pub(super) type Missing = Rc<RefCell<Vec<(String, String)>>>;

/// Leaves out imports that are not there, and the options that only they could define.
pub(super) struct Lenient {
    pub(super) files: Files,
    pub(super) missing: Missing,
}

impl FileResolver for Lenient {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let file = self.files.open_file(name)?;
        let imports = file.file_descriptor_proto().dependency.iter();
        let is_there: Vec<bool> = imports.map(|import| self.files.has(import)).collect();
        if is_there.iter().all(|there| *there) {
            return Ok(file);
        }
        let mut file = file.file_descriptor_proto().clone();
        let mut there = is_there.iter();
        file.dependency.retain(|import| {
            let is_there = there.next() == Some(&true);
            if !is_there {
                let pair = (import.clone(), name.to_owned());
                self.missing.borrow_mut().push(pair);
            }
            is_there
        });
        file.public_dependency = places(&file.public_dependency, &is_there);
        file.weak_dependency = places(&file.weak_dependency, &is_there);
        without_options(&mut file);
        Ok(File::from_file_descriptor_proto(file))
    }
}

/// Where those of a list are found after some were taken out.
fn places(list: &[i32], is_there: &[bool]) -> Vec<i32> {
    let place = |at: &i32| {
        let at = usize::try_from(*at).ok()?;
        let left = is_there.get(..at)?.iter().filter(|there| **there).count();
        is_there.get(at)?.then(|| i32::try_from(left).ok())?
    };
    list.iter().filter_map(place).collect()
}

fn clear(options: Option<&mut Vec<UninterpretedOption>>) {
    let is_extension =
        |option: &UninterpretedOption| option.name.first().is_some_and(|part| part.is_extension);
    if let Some(options) = options {
        options.retain(|option| !is_extension(option));
    }
}

macro_rules! clear {
    ($of:expr) => {
        clear($of.options.as_mut().map(|o| &mut o.uninterpreted_option))
    };
}

fn without_options(file: &mut FileDescriptorProto) {
    clear!(file);
    file.message_type.iter_mut().for_each(in_message);
    file.enum_type.iter_mut().for_each(in_enum);
    file.extension.iter_mut().for_each(in_field);
    for service in &mut file.service {
        clear!(service);
        for method in &mut service.method {
            clear!(method);
        }
    }
}

fn in_message(message: &mut DescriptorProto) {
    clear!(message);
    message.field.iter_mut().for_each(in_field);
    message.extension.iter_mut().for_each(in_field);
    message.enum_type.iter_mut().for_each(in_enum);
    message.nested_type.iter_mut().for_each(in_message);
    for oneof in &mut message.oneof_decl {
        clear!(oneof);
    }
    for range in &mut message.extension_range {
        clear!(range);
    }
}

fn in_field(field: &mut FieldDescriptorProto) {
    clear!(field);
}

fn in_enum(of: &mut EnumDescriptorProto) {
    clear!(of);
    for value in &mut of.value {
        clear!(value);
    }
}

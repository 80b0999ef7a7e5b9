//! All files of a replay: surveyed, then merged.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use events::Timestamp;

use super::file::FileItems;
use super::format::LineReader;
use super::merge::Merge;
use super::survey::{Surveyed, survey};
use super::{InputError, Item};

/// Files that were read to their ends once.
pub struct Files {
    /// In the order in which they were named.
    pub surveyed: Vec<Surveyed>,
    reader: LineReader,
    /// What came over standard input, which can be read only once.
    _spooled: Option<tempfile::NamedTempFile>,
}

impl Files {
    /// Surveys files; `-` is standard input, which is kept in a temporary file meanwhile.
    pub fn survey(paths: &[PathBuf], reader: LineReader, progress: &mut dyn FnMut(u64)) -> Result<Self, InputError> {
        if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
            return Err(InputError::StandardInputTwice);
        }
        let mut files = Self { surveyed: Vec::with_capacity(paths.len()), reader, _spooled: None };
        for path in paths {
            let surveyed = if is_standard_input(path) {
                let spooled = spool(io::stdin().lock()).map_err(|error| InputError::Read {
                    path: "standard input".into(),
                    line: 0,
                    error,
                })?;
                let surveyed = survey(spooled.path().to_owned(), progress)?;
                files._spooled = Some(spooled);
                Surveyed { name: "stdin".to_owned(), ..surveyed }
            } else {
                survey(path.clone(), progress)?
            };
            files.surveyed.push(surveyed);
        }
        Ok(files)
    }

    /// What reads their lines.
    pub fn reader(&self) -> &LineReader {
        &self.reader
    }

    /// The decompressed size of all of them.
    pub fn bytes(&self) -> u64 {
        self.surveyed.iter().map(|file| file.bytes).sum()
    }

    /// Files with the same content as an earlier one: their hits count twice, which is seldom meant.
    pub fn copies(&self) -> impl Iterator<Item = (&Surveyed, &Surveyed)> {
        self.surveyed.iter().enumerate().filter_map(|(place, file)| {
            let same = |other: &&Surveyed| other.bytes > 0 && (other.hash, other.bytes) == (file.hash, file.bytes);
            Some((self.surveyed[..place].iter().find(same)?, file))
        })
    }

    /// Their lines as records, by time; those later than `latest` are rejected. What has been read is added to `bytes_read`.
    pub fn items(
        &self,
        latest: Timestamp,
        bytes_read: &Arc<AtomicU64>,
    ) -> Result<impl Iterator<Item = Result<Item, InputError>> + use<>, InputError> {
        let items = self.surveyed.iter().zip(0..).map(|(file, place)| {
            let items = FileItems::new(file.clone(), place, self.reader.clone(), latest, bytes_read.clone())?;
            Ok((items.begins(), items))
        });
        Ok(Merge::new(items.collect::<Result<Vec<_>, InputError>>()?))
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn spool(mut stream: impl io::Read) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("tributary-stdin-").tempfile()?;
    io::copy(&mut stream, &mut file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::input::LineRecord;
    use crate::replay::input::format::Format;
    use events::Limits;

    const LATEST: Timestamp = Timestamp::from_millis(1_500_000_000_000);

    /// A file of `common` lines, one for each second.
    fn log(secs: &[u32]) -> String {
        secs.iter().map(|s| format!("h - - [17/May/2015:10:05:{s:02} +0000] \"GET /{s} HTTP/1.1\" 200 1\n")).collect()
    }

    fn files(contents: &[String]) -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..contents.len()).map(|place| dir.path().join(format!("{place}.log"))).collect();
        paths.iter().zip(contents).for_each(|(path, content)| std::fs::write(path, content).unwrap());
        let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
        let files = Files::survey(&paths, reader, &mut |_| {}).unwrap();
        (dir, files)
    }

    #[test]
    fn logs_of_several_servers_come_by_time_with_what_cannot_be_read_in_its_place() {
        let (_dir, files) = files(&[log(&[1, 3]) + "garbage\n" + &log(&[9]), log(&[2, 4, 5]), String::new()]);
        let shown: Vec<_> = files
            .items(LATEST, &Arc::default())
            .unwrap()
            .map(|item| {
                let item = item.unwrap();
                let (LineRecord::Hit { value, .. } | LineRecord::Rejected { value }) = &item.record;
                let json: serde_json::Value = serde_json::from_slice(value).unwrap();
                json.get("origin").or(json.get("url")).unwrap().as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(shown, ["/1", "/2", "/3", "0.log:3", "/4", "/5", "/9"]);
    }

    #[test]
    fn the_same_content_twice_is_noticed() {
        let (_dir, files) = files(&[log(&[1]), log(&[2]), log(&[1]), String::new(), String::new()]);
        let copies: Vec<_> = files.copies().map(|(one, two)| (&*one.name, &*two.name)).collect();
        assert_eq!(copies, [("0.log", "2.log")]);
    }

    #[test]
    fn a_file_whose_first_line_is_of_the_future_is_merged_by_the_next_one() {
        let (_dir, files) = files(&[log(&[2]), log(&[1]).replace("2015", "2100") + &log(&[1])]);
        let items: Vec<_> = files.items(LATEST, &Arc::default()).unwrap().map(Result::unwrap).collect();
        let shown: Vec<_> = items.iter().map(|item| (item.is_ahead, item.time.as_millis() / 1000 % 60)).collect();
        assert_eq!(shown, [(true, 1), (false, 1), (false, 2)]);
    }

    #[test]
    fn standard_input_is_read_once() {
        let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
        let twice = Files::survey(&["-".into(), "-".into()], reader, &mut |_| {});
        assert!(matches!(twice, Err(InputError::StandardInputTwice)));
    }
}

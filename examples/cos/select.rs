//! `cos select`.

use clap::{Args, ValueEnum};
use tencent_cos::{
    CompressionType, CsvInput, CsvOutput, FileHeaderInfo, SelectInput, SelectObjectContent, SelectOutput,
};

use crate::failure::{Failure, Outcome};
use crate::output::copy_to_stdout;
use crate::session::Session;
use crate::url::ObjectUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos select cos://examplebucket-1250000000/a.csv 'SELECT _1 FROM COSObject'
  cos select cos://examplebucket-1250000000/a.csv --header use --output json \\
    \"SELECT name FROM COSObject WHERE city = 'Shenzhen' LIMIT 9\"
  cos select cos://examplebucket-1250000000/log.json --input json-lines \\
    'SELECT count(*) FROM COSObject WHERE status >= 500'";

/// Write to standard output what SQL selects from an object
///
/// The table is COSObject. The columns of CSV are _1, _2 and so on, or what its first line calls them. A status of 0 says
/// that all results were written.
#[derive(Debug, Args)]
pub struct Select {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// SELECT … FROM COSObject [WHERE …] [LIMIT …]
    #[arg(value_name = "SQL")]
    expression: String,
    /// What the object is
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    input: Input,
    /// What the first line of CSV is, none if nothing is said
    #[arg(long, value_name = "KIND", value_enum)]
    header: Option<Header>,
    /// What stands between the fields of CSV, of the object and of the results
    #[arg(long, value_name = "C")]
    delimiter: Option<char>,
    /// The object is compressed with gzip
    #[arg(long)]
    gzip: bool,
    /// What the results are
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Input {
    Csv,
    /// An object in each line
    JsonLines,
    /// One object
    Json,
    Parquet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Header {
    /// A record
    None,
    /// The names of the columns
    Use,
    /// Passed over
    Ignore,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Csv,
    /// An object in each line
    Json,
}

pub async fn run(session: &Session, select: Select) -> Outcome {
    let Select { object, expression, input, header, delimiter, gzip, output } = select;
    let (from_csv, to_csv) = (matches!(input, Input::Csv), matches!(output, Output::Csv));
    if header.is_some() && !from_csv {
        return Err(Failure::usage("--header is for an object that is CSV"));
    }
    if delimiter.is_some() && !from_csv && !to_csv {
        return Err(Failure::usage("--delimiter is for CSV"));
    }
    let mut input = match input {
        Input::Csv => {
            let csv = CsvInput::new().file_header_info(match header {
                None | Some(Header::None) => FileHeaderInfo::None,
                Some(Header::Use) => FileHeaderInfo::Use,
                Some(Header::Ignore) => FileHeaderInfo::Ignore,
            });
            SelectInput::csv(match delimiter {
                Some(delimiter) => csv.field_delimiter(delimiter),
                None => csv,
            })
        }
        Input::JsonLines => SelectInput::json_lines(),
        Input::Json => SelectInput::json_document(),
        Input::Parquet => SelectInput::parquet(),
    };
    if gzip {
        input = input.compression(CompressionType::Gzip);
    }
    let output = match (output, delimiter) {
        (Output::Csv, Some(delimiter)) => SelectOutput::csv(CsvOutput::new().field_delimiter(delimiter)),
        (Output::Csv, None) => SelectOutput::csv(CsvOutput::new()),
        (Output::Json, _) => SelectOutput::json(),
    };
    let select = SelectObjectContent::new(object.key, expression, input, output);
    copy_to_stdout(session.send(&session.bucket(&object.bucket)?, select).await?.records).await
}

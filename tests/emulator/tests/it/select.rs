//! SELECT: requests, statements, records, frames. The frames are read here by the reference, not by what wrote them.

use cos_emulator::{Action, Emulator, Injected, Rule};
use crc::{CRC_32_ISO_HDLC, Crc};

use crate::client::{Answer, Ask};

const BUCKET: &str = "examplebucket-1250000000";
const PEOPLE: &str =
    "name,age,city\nAda,36,London\n# none\n\"Grace \"\"G\"\"\",85,\"New York, NY\"\n\nAlan,41,London\n";
const LINES: &str =
    "{\"name\":\"Ada\",\"age\":36,\"in\":{\"city\":\"London\"}}\n\n{\"name\":\"Alan\",\"age\":41.5,\"x\":null}\n";

fn emulator(body: &'static str) -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    emulator.put_object(BUCKET, "k", body);
    emulator
}

const CSV: &str = "<CSV><FileHeaderInfo>USE</FileHeaderInfo></CSV>";
const JSON_LINES: &str = "<JSON><Type>LINES</Type></JSON>";
const TO_CSV: &str = "<CSV><QuoteFields>ASNEEDED</QuoteFields></CSV>";
const TO_JSON: &str = "<JSON/>";

fn document(expression: &str, input: &str, output: &str) -> String {
    let expression = expression.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<SelectRequest><Expression>{expression}</Expression><ExpressionType>SQL</ExpressionType><InputSerialization>\
         {input}</InputSerialization><OutputSerialization>{output}</OutputSerialization></SelectRequest>"
    )
}

fn ask(emulator: &Emulator, document: impl Into<String>) -> Ask {
    let ask = Ask::new(emulator, "POST", "/k").query("select", "").query("select-type", "2");
    ask.body(document.into())
}

/// Headers and payload.
type Frame = (Vec<(String, String)>, Vec<u8>);

fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap());
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (total, block) = (number(bytes) as usize, number(&bytes[4..]) as usize);
        assert_eq!(number(&bytes[8..]), crc.checksum(&bytes[..8]));
        assert_eq!(number(&bytes[total - 4..]), crc.checksum(&bytes[..total - 4]));
        let mut rest = &bytes[12..12 + block];
        let mut headers = Vec::new();
        while let Some((&length, after)) = rest.split_first() {
            let (name, after) = after.split_at(length.into());
            assert_eq!(after[0], 7);
            let length = u16::from_be_bytes([after[1], after[2]]);
            let (value, after) = after[3..].split_at(length.into());
            headers.push((String::from_utf8(name.to_vec()).unwrap(), String::from_utf8(value.to_vec()).unwrap()));
            rest = after;
        }
        frames.push((headers, bytes[12 + block..total - 4].to_vec()));
        bytes = &bytes[total..];
    }
    frames
}

fn kinds(answer: &Answer) -> Vec<String> {
    let kind = |headers: &[(String, String)]| {
        let of = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        of(":event-type").or(of(":error-code")).unwrap()
    };
    frames(&answer.body).iter().map(|(headers, _)| kind(headers)).collect()
}

fn records(answer: &Answer) -> String {
    let of_records = |headers: &[(String, String)]| headers.iter().any(|(_, value)| value == "Records");
    let frames = frames(&answer.body);
    let payloads = frames.iter().filter(|(headers, _)| of_records(headers)).flat_map(|(_, payload)| payload.clone());
    String::from_utf8(payloads.collect()).unwrap()
}

async fn select(body: &'static str, expression: &str, input: &str, output: &str) -> String {
    let emulator = emulator(body);
    let answer = ask(&emulator, document(expression, input, output)).send(&emulator).await;
    if answer.status == 200 { records(&answer) } else { answer.verdict() }
}

#[tokio::test]
async fn csv_is_selected_from() {
    for (expression, expected) in [
        ("SELECT * FROM COSObject", "Ada,36,London\n\"Grace \"\"G\"\"\",85,\"New York, NY\"\nAlan,41,London\n"),
        ("SELECT s.NAME, s._2 FROM COSObject s WHERE s.city = 'London' AND s.age > 36", "Alan,41\n"),
        ("SELECT name FROM COSObject WHERE name LIKE 'A%' LIMIT 1", "Ada\n"),
        ("SELECT name FROM COSObject WHERE NOT (_2 >= 40 OR _2 < 0)", "Ada\n"),
        ("SELECT count(*) FROM COSObject WHERE _3 <> 'London'", "1\n"),
        ("SELECT _9, _1 FROM COSObject LIMIT 1", ",Ada\n"),
        ("SELECT * FROM COSObject LIMIT 0", ""),
    ] {
        assert_eq!(select(PEOPLE, expression, CSV, TO_CSV).await, expected, "{expression}");
    }
    let all = "SELECT * FROM COSObject LIMIT 1";
    assert_eq!(select(PEOPLE, all, CSV, TO_JSON).await, "{\"name\":\"Ada\",\"age\":\"36\",\"city\":\"London\"}\n");
    assert_eq!(select(PEOPLE, all, "<CSV/>", TO_JSON).await, "{\"_1\":\"name\",\"_2\":\"age\",\"_3\":\"city\"}\n");
    let ignore = CSV.replace("USE", "IGNORE");
    assert_eq!(select(PEOPLE, all, &ignore, TO_JSON).await, "{\"_1\":\"Ada\",\"_2\":\"36\",\"_3\":\"London\"}\n");
    let named = "SELECT _1 AS who FROM COSObject LIMIT 1";
    assert_eq!(
        select(PEOPLE, named, CSV, "<JSON><RecordDelimiter>;</RecordDelimiter></JSON>").await,
        "{\"who\":\"Ada\"};"
    );
}

#[tokio::test]
async fn csv_comes_and_goes_in_other_dress() {
    let body = "1;'a;'\r\n!no\r\n2;'it\\'s'";
    let input = "<CSV><RecordDelimiter>\\r\\n</RecordDelimiter><FieldDelimiter>;</FieldDelimiter><QuoteCharacter>'\
                 </QuoteCharacter><QuoteEscapeCharacter>\\</QuoteEscapeCharacter><Comments>!</Comments></CSV>";
    let output = "<CSV><QuoteFields>ALWAYS</QuoteFields><FieldDelimiter>|</FieldDelimiter><RecordDelimiter>&#13;&#10;\
                  </RecordDelimiter></CSV>";
    let all = "SELECT * FROM COSObject";
    assert_eq!(select(body, all, input, output).await, "\"1\"|\"a;\"\r\n\"2\"|\"it's\"\r\n");
    let over = "1,\"a\nb\"\n";
    assert_eq!(select(over, all, "<CSV/>", TO_CSV).await, "400 CSVParsingError");
    let allowed = "<CSV><AllowQuotedRecordDelimiter>TRUE</AllowQuotedRecordDelimiter></CSV>";
    assert_eq!(select(over, all, allowed, TO_CSV).await, over);
}

#[tokio::test]
async fn json_is_selected_from() {
    for (expression, csv, json) in [
        ("SELECT s.name FROM COSObject s", "Ada\nAlan\n", "{\"name\":\"Ada\"}\n{\"name\":\"Alan\"}\n"),
        ("SELECT s.in.city FROM COSObject s", "London\n\n", "{\"city\":\"London\"}\n{}\n"),
        ("SELECT x FROM COSObject WHERE age > 36", "\n", "{\"x\":null}\n"),
        ("SELECT count(*) AS n FROM COSObject", "2\n", "{\"n\":2}\n"),
        (
            "SELECT s.in FROM COSObject s WHERE s.in.city = 'London'",
            "\"{\"\"city\"\":\"\"London\"\"}\"\n",
            "{\"in\":{\"city\":\"London\"}}\n",
        ),
        (
            "SELECT * FROM COSObject WHERE age = 36",
            "Ada,36,\"{\"\"city\"\":\"\"London\"\"}\"\n",
            "{\"name\":\"Ada\",\"age\":36,\"in\":{\"city\":\"London\"}}\n",
        ),
    ] {
        assert_eq!(select(LINES, expression, JSON_LINES, TO_CSV).await, csv, "{expression}");
        assert_eq!(select(LINES, expression, JSON_LINES, TO_JSON).await, json, "{expression}");
    }
    let document = "<JSON><Type>DOCUMENT</Type></JSON>";
    assert_eq!(select("{\n \"a\": 1\n}\n", "SELECT * FROM COSObject", document, TO_JSON).await, "{\"a\":1}\n");
}

#[tokio::test]
async fn what_is_wrong_has_its_code() {
    let all = "SELECT * FROM COSObject";
    for (expression, input, output, expected) in [
        ("", CSV, TO_CSV, "400 MissingExpectedExpression"),
        ("SELECT", CSV, TO_CSV, "400 SQLParsingError"),
        ("SELECT _0 FROM COSObject", CSV, TO_CSV, "400 SQLParsingError"),
        ("SELECT t._1 FROM COSObject s", CSV, TO_CSV, "400 SQLParsingError"),
        ("SELECT nobody FROM COSObject", CSV, TO_CSV, "400 MissingHeaders"),
        ("SELECT max(age) FROM COSObject", CSV, TO_CSV, "501 NotImplemented"),
        ("SELECT * FROM COSObject WHERE name > 1", CSV, TO_CSV, "400 ComparisonFailed"),
        (all, "", TO_CSV, "400 MissingInputFormat"),
        (all, CSV, "", "400 MissingOutputFormat"),
        (all, JSON_LINES, TO_CSV, "400 JSONParsingError"),
        (all, "<JSON/>", TO_CSV, "400 InvalidJsonType"),
        (all, "<Parquet/>", TO_CSV, "501 NotImplemented"),
        (all, "<CompressionType>GZIP</CompressionType><CSV/>", TO_CSV, "501 NotImplemented"),
        (all, "<CompressionType>ZIP</CompressionType><CSV/>", TO_CSV, "400 InvalidCompressionFormat"),
        (all, "<CSV><FileHeaderInfo>SOME</FileHeaderInfo></CSV>", TO_CSV, "400 InvalidFileHeaderInfo"),
        (all, "<CSV><FieldDelimiter>,,</FieldDelimiter></CSV>", TO_CSV, "400 InvalidRequestParameter"),
        (all, "<CSV><RecordDelimiter>,,,</RecordDelimiter></CSV>", TO_CSV, "400 InvalidRequestParameter"),
        (all, CSV, "<CSV><QuoteFields>NEVER</QuoteFields></CSV>", "400 InvalidQuoteFields"),
    ] {
        assert_eq!(select(PEOPLE, expression, input, output).await, expected, "{expression} {input} {output}");
    }
    let emulator = emulator(PEOPLE);
    let whole = document(all, CSV, TO_CSV);
    for (text, expected) in [
        ("<SelectRequest/>".to_owned(), "400 MissingExpectedExpression"),
        ("<Other/>".to_owned(), "400 InvalidXML"),
        (whole.replace("<ExpressionType>SQL</ExpressionType>", ""), "400 MissingRequiredParameter"),
        (whole.replace(">SQL<", ">XPATH<"), "400 InvalidExpressionType"),
        (whole.replace("InputSerialization", "Other"), "400 MissingInputSerialization"),
        (whole.replace("OutputSerialization", "Other"), "400 MissingOutputSerialization"),
    ] {
        assert_eq!(ask(&emulator, text).send(&emulator).await.verdict(), expected);
    }
    let renamed = whole.replace("SelectRequest", "SelectObjectContentRequest");
    assert_eq!(ask(&emulator, renamed).send(&emulator).await.status, 200);
    let post = |path: &str| Ask::new(&emulator, "POST", path).query("select", "").body(whole.clone());
    assert_eq!(post("/k").send(&emulator).await.verdict(), "400 InvalidArgument");
    assert_eq!(post("/none").query("select-type", "2").send(&emulator).await.verdict(), "404 NoSuchKey");
    let archived = Ask::new(&emulator, "PUT", "/old").header("x-cos-storage-class", "STANDARD_IA").body("a\n");
    archived.send(&emulator).await;
    assert_eq!(post("/old").query("select-type", "2").send(&emulator).await.verdict(), "405 MethodNotAllowed");
    let stranger = post("/k").query("select-type", "2").anonymous();
    assert_eq!(stranger.send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn results_come_in_frames() {
    let emulator = emulator(PEOPLE);
    let all = document("SELECT * FROM COSObject", CSV, TO_CSV);
    let answer = ask(&emulator, all.as_str()).send(&emulator).await;
    assert_eq!(kinds(&answer), ["Records", "Cont", "Stats", "End"]);
    let stats = frames(&answer.body).remove(2);
    let told = String::from_utf8(stats.1).unwrap();
    let (scanned, returned) = (PEOPLE.len(), records(&answer).len());
    for (name, number) in [("BytesScanned", scanned), ("BytesProcessed", scanned), ("BytesReturned", returned)] {
        assert!(told.contains(&format!("<{name}>{number}</{name}>")), "{told}");
    }
    let asked = "<RequestProgress><Enabled>TRUE</Enabled></RequestProgress></SelectRequest>";
    let told = ask(&emulator, all.replace("</SelectRequest>", asked)).send(&emulator).await;
    assert_eq!(kinds(&told), ["Records", "Cont", "Progress", "Stats", "End"]);

    emulator.put_object(BUCKET, "k", "x,".repeat(40_000) + "\n" + &"y,".repeat(40_000));
    let long = ask(&emulator, document("SELECT * FROM COSObject", "<CSV/>", TO_CSV)).send(&emulator).await;
    assert_eq!(kinds(&long), ["Records", "Cont", "Records", "Records", "Stats", "End"]);
    assert_eq!(records(&long), "x,".repeat(40_000) + "\n" + &"y,".repeat(40_000) + "\n");
}

#[tokio::test]
async fn what_is_found_on_the_way_is_an_error_among_the_frames() {
    let emulator = emulator("{\"a\":1}\n{\"a\":\n");
    let answer = ask(&emulator, document("SELECT * FROM COSObject", JSON_LINES, TO_JSON)).send(&emulator).await;
    assert_eq!(kinds(&answer), ["Records", "Cont", "JSONParsingError"]);
    assert_eq!(records(&answer), "{\"a\":1}\n");
}

#[tokio::test]
async fn frames_can_be_spoilt() {
    let emulator = emulator(PEOPLE);
    let all = document("SELECT * FROM COSObject", CSV, TO_CSV);
    let whole = ask(&emulator, all.as_str()).send(&emulator).await.body;
    let script = |action| emulator.script(Rule::on("SELECT Object Content").then(action));
    script(Action::WrongFrame { number: 0 });
    let spoilt = ask(&emulator, all.as_str()).send(&emulator).await.body;
    assert_eq!(spoilt.iter().zip(&whole).filter(|(one, other)| one != other).count(), 1);
    script(Action::ErrorFrame { after: 1, code: "InternalError".to_owned(), message: "m".to_owned() });
    let failed = ask(&emulator, all.as_str()).send(&emulator).await;
    assert_eq!(kinds(&failed), ["Records", "InternalError"]);
    script(Action::CutBody { at: 40 });
    assert_eq!(ask(&emulator, all.as_str()).try_send(&emulator).await.unwrap_err(), Injected::Cut);
}

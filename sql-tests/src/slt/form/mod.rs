//! Values as text: PostgreSQL's own form (its manual, chapter 8), written anew here, so that a fault of the gateway's
//! encoders can't hide behind itself.

pub(super) mod arrow;
pub(super) mod binary;
mod value;

/// A cell as files write it.
pub fn cell(text: Option<&str>) -> String {
    match text {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        // Blanks at the ends are lost in a file's lines.
        Some(text) if text != text.trim() => format!("[{}]", escape(text)),
        Some(text) => escape(text),
    }
}

fn escape(text: &str) -> String {
    text.replace('\n', "\\n").replace('\t', "\\t").replace('|', "\\x7c")
}

use std::fmt;

use zeroize::Zeroize;

/// Personal data of a person: a name, a telephone number, what was said.
///
/// It has no `Display`, no `Serialize` and a `Debug` that tells nothing, so it cannot reach a log line, a URL, a metric
/// or a body by accident. [`Phi::disclose`] is the only way to its content, and a reviewer can search for it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for someone who may see it: a response to a permitted caller, or a service under a contract.
    pub const fn disclose(&self) -> &T {
        &self.0
    }

    /// The value itself, for someone who may see it.
    pub fn into_disclosed(self) -> T {
        self.0
    }

    /// Personal data made from personal data stays personal data.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Phi<U> {
        Phi(change(self.0))
    }
}

impl<T: Zeroize> Phi<T> {
    /// Clears the value in memory and drops it.
    pub fn clear(mut self) {
        self.0.zeroize();
    }
}

impl<T> fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phi(..)")
    }
}

impl<T> From<T> for Phi<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        let name = Phi::new("Canary Finch".to_owned());
        assert_eq!(format!("{name:?} {:?}", Some(&name)), "Phi(..) Some(Phi(..))");
        assert_eq!(name.map(|n| n.len()).disclose(), &12);
    }

    #[test]
    fn debug_of_what_holds_it_tells_nothing() {
        #[derive(Debug)]
        struct Chart {
            _name: Phi<String>,
            _born: Phi<[u16; 3]>,
        }
        let chart = Chart { _name: Phi::new("Canary Finch".to_owned()), _born: Phi::new([1985, 3, 15]) };
        assert_eq!(format!("{chart:?}"), "Chart { _name: Phi(..), _born: Phi(..) }");
        assert_eq!(format!("{:#?}", Phi::new("Canary Finch")), "Phi(..)");
    }

    /// Printed, logged, serialised, a metric's label, part of a URL, taken for text: each a file there, with what the
    /// compiler says.
    #[test]
    fn it_cannot_get_out_unnoticed() {
        trybuild::TestCases::new().compile_fail("tests/phi/*.rs");
    }
}

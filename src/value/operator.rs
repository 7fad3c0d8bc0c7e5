//! The operators that values understand, with the special methods behind them. It must not know
//! how an operator is written or evaluated.

use super::name::Name;

macro_rules! operators {
    ($($variant:ident $symbol:literal $method:literal $reflected:literal $in_place:literal),* $(,)?) => {
        /// A binary operator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum BinaryOperator { $($variant,)* }

        impl BinaryOperator {
            /// As it is written.
            pub fn symbol(self) -> &'static str {
                match self { $(BinaryOperator::$variant => $symbol,)* }
            }

            /// The special method of the left operand: `__add__`.
            pub fn method(self) -> Name {
                names().0[self as usize]
            }

            /// The special method of the right operand: `__radd__`.
            pub fn reflected(self) -> Name {
                names().1[self as usize]
            }

            /// The special method of augmented assignment: `__iadd__`.
            pub fn in_place(self) -> Name {
                names().2[self as usize]
            }
        }

        const COUNT: usize = [$($symbol),*].len();

        fn names() -> &'static ([Name; COUNT], [Name; COUNT], [Name; COUNT]) {
            static NAMES: std::sync::OnceLock<([Name; COUNT], [Name; COUNT], [Name; COUNT])> =
                std::sync::OnceLock::new();
            NAMES.get_or_init(|| (
                [$(Name::new($method)),*],
                [$(Name::new($reflected)),*],
                [$(Name::new($in_place)),*],
            ))
        }
    };
}

operators! {
    Add "+" "__add__" "__radd__" "__iadd__",
    Subtract "-" "__sub__" "__rsub__" "__isub__",
    Multiply "*" "__mul__" "__rmul__" "__imul__",
    Divide "/" "__truediv__" "__rtruediv__" "__itruediv__",
    FloorDivide "//" "__floordiv__" "__rfloordiv__" "__ifloordiv__",
    Modulo "%" "__mod__" "__rmod__" "__imod__",
    Power "**" "__pow__" "__rpow__" "__ipow__",
    MatrixMultiply "@" "__matmul__" "__rmatmul__" "__imatmul__",
    ShiftLeft "<<" "__lshift__" "__rlshift__" "__ilshift__",
    ShiftRight ">>" "__rshift__" "__rrshift__" "__irshift__",
    BitAnd "&" "__and__" "__rand__" "__iand__",
    BitOr "|" "__or__" "__ror__" "__ior__",
    BitXor "^" "__xor__" "__rxor__" "__ixor__",
}

/// A unary operator other than `not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `-`.
    Negate,
    /// `+`.
    Plus,
    /// `~`.
    Invert,
}

/// A comparison that looks at the values' contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
}

impl Comparison {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
        }
    }

    /// The comparison with its operands swapped.
    pub fn swapped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterEqual => Comparison::LessEqual,
            same => same,
        }
    }

    /// The special method: `__lt__`.
    pub fn method(self) -> Name {
        let known = super::name::known();
        match self {
            Comparison::Equal => known.eq,
            Comparison::NotEqual => known.ne,
            Comparison::Less => known.lt,
            Comparison::LessEqual => known.le,
            Comparison::Greater => known.gt,
            Comparison::GreaterEqual => known.ge,
        }
    }

    /// Whether it holds for two integers. Without a branch: the answers for "less", "equal" and
    /// "greater" stand in three bits each.
    #[inline(always)]
    pub fn holds_for(self, left: i64, right: i64) -> bool {
        const fn answers(comparison: Comparison, bits: u32) -> u32 {
            bits << (comparison as u32 * 3)
        }
        const ANSWERS: u32 = answers(Comparison::Equal, 0b010)
            | answers(Comparison::NotEqual, 0b101)
            | answers(Comparison::Less, 0b001)
            | answers(Comparison::LessEqual, 0b011)
            | answers(Comparison::Greater, 0b100)
            | answers(Comparison::GreaterEqual, 0b110);
        let ordering = 1 + (left > right) as u32 - (left < right) as u32;
        ANSWERS >> (self as u32 * 3 + ordering) & 1 != 0
    }

    /// Whether an ordering satisfies it.
    #[inline]
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterEqual => ordering.is_ge(),
        }
    }
}

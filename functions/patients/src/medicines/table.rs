//! The table: substances by the World Health Organization's ATC codes (<https://www.whocc.no/atc_ddd_index/>), and what
//! belongs together.

/// Substances that belong together.
pub(super) struct Class {
    /// The name, in the plural, for people.
    pub(super) name: &'static str,
    /// The beginnings of its ATC codes.
    pub(super) atc: &'static [&'static str],
    /// What an allergy to all of them is called, folded.
    pub(super) words: &'static [&'static str],
    /// Whether two of them at a time are a mistake, most often.
    pub(super) is_taken_alone: bool,
}

const fn class(
    name: &'static str,
    atc: &'static [&'static str],
    words: &'static [&'static str],
    is_taken_alone: bool,
) -> Class {
    Class { name, atc, words, is_taken_alone }
}

pub(super) const PENICILLINS: &str = "penicillins";
pub(super) const CEPHALOSPORINS: &str = "cephalosporins";
pub(super) const CARBAPENEMS: &str = "carbapenems";

/// The classes.
pub(super) const CLASSES: &[Class] = &[
    class(PENICILLINS, &["J01CA", "J01CE", "J01CF", "J01CR"], &["penicillin", "penicillins"], true),
    class(
        CEPHALOSPORINS,
        &["J01DB", "J01DC", "J01DD", "J01DE", "J01DI"],
        &["cephalosporin", "cephalosporins", "cefalosporin", "cefalosporins"],
        true,
    ),
    class(CARBAPENEMS, &["J01DH"], &["carbapenem", "carbapenems"], true),
    class(
        "sulfonamide anti-infectives",
        &["J01EB", "J01EC", "J01ED", "J01EE", "A07EC01"],
        &["sulfa", "sulpha", "sulfonamide", "sulfonamides", "sulphonamide", "sulphonamides"],
        true,
    ),
    class("macrolides", &["J01FA"], &["macrolide", "macrolides"], true),
    class("fluoroquinolones", &["J01MA"], &["fluoroquinolone", "fluoroquinolones", "quinolone", "quinolones"], true),
    class("tetracyclines", &["J01AA"], &["tetracyclines"], true),
    class("aminoglycosides", &["J01GB"], &["aminoglycoside", "aminoglycosides"], true),
    class(
        "NSAIDs",
        &["M01AA", "M01AB", "M01AC", "M01AE", "M01AG", "M01AH", "N02BA", "B01AC06"],
        &["nsaid", "nsaids", "salicylate", "salicylates"],
        true,
    ),
    class("ACE inhibitors", &["C09A", "C09B"], &["ace inhibitor", "ace inhibitors"], true),
    class("angiotensin receptor blockers", &["C09C", "C09D"], &["arb", "arbs", "sartan", "sartans"], true),
    class("statins", &["C10AA", "C10BA"], &["statin", "statins"], true),
    class("opioids", &["N02A", "R05DA", "N07BC02"], &["opioid", "opioids", "opiate", "opiates"], true),
    class("benzodiazepines", &["N05BA", "N05CD", "N03AE"], &["benzodiazepine", "benzodiazepines"], true),
    class("SSRIs", &["N06AB"], &["ssri", "ssris"], true),
    class("beta blockers", &["C07"], &["beta blocker", "beta blockers"], true),
    class("proton pump inhibitors", &["A02BC"], &["ppi", "ppis", "proton pump inhibitors"], true),
    class("thiazides", &["C03A", "C03BA"], &["thiazide", "thiazides"], true),
    class("loop diuretics", &["C03C"], &["loop diuretics"], true),
    class("anticoagulants", &["B01AA", "B01AB", "B01AE", "B01AF"], &["anticoagulant", "anticoagulants"], true),
    class("sulfonylureas", &["A10BB"], &["sulfonylurea", "sulfonylureas"], true),
    class("DPP-4 inhibitors", &["A10BH"], &["gliptin", "gliptins"], true),
    class("GLP-1 analogues", &["A10BJ"], &[], true),
    class("SGLT2 inhibitors", &["A10BK"], &["gliflozin", "gliflozins"], true),
    class("dihydropyridine calcium channel blockers", &["C08CA"], &["dihydropyridine", "dihydropyridines"], true),
    class("systemic corticosteroids", &["H02AB"], &["corticosteroid", "corticosteroids"], true),
    class("insulins", &["A10A"], &["insulins"], false),
    // Cross-reactions in 40 to 80 of 100: Alvestad et al., Acta Neurologica Scandinavica 2008;117:328.
    class("aromatic anticonvulsants", &["N03AF01", "N03AF02", "N03AB02", "N03AA02"], &[], false),
    class("amide local anaesthetics", &["N01BB"], &["amide anaesthetics", "amide anesthetics"], false),
    class("ester local anaesthetics", &["N01BA"], &["ester anaesthetics", "ester anesthetics"], false),
    class("iodinated contrast media", &["V08A"], &["contrast", "iodinated contrast", "contrast media"], false),
];

/// Classes that cross-react. About 2 of 100 people allergic to penicillin react to cephalosporins and fewer than 1 to
/// carbapenems: Shenoy et al., JAMA 2019;321:188.
pub(super) const CROSS_REACTIVE: &[(&str, &str)] =
    &[(PENICILLINS, CEPHALOSPORINS), (PENICILLINS, CARBAPENEMS), (CEPHALOSPORINS, CARBAPENEMS)];

/// Substances by their international nonproprietary names, folded, with their ATC codes. One without a class of
/// [`CLASSES`] is compared by itself.
#[rustfmt::skip]
pub(super) const SUBSTANCES: &[(&str, &str)] = &[
    // Anti-infectives.
    ("amoxicillin", "J01CA04"), ("ampicillin", "J01CA01"), ("piperacillin", "J01CA12"),
    ("benzylpenicillin", "J01CE01"), ("phenoxymethylpenicillin", "J01CE02"), ("dicloxacillin", "J01CF01"),
    ("cloxacillin", "J01CF02"), ("oxacillin", "J01CF04"), ("flucloxacillin", "J01CF05"), ("nafcillin", "J01CF06"),
    ("sulbactam", "J01CG01"), ("tazobactam", "J01CG02"), ("clavulanic acid", ""),
    ("cefalexin", "J01DB01"), ("cefazolin", "J01DB04"), ("cefadroxil", "J01DB05"), ("cefuroxime", "J01DC02"),
    ("cefaclor", "J01DC04"), ("cefotaxime", "J01DD01"), ("ceftazidime", "J01DD02"), ("ceftriaxone", "J01DD04"),
    ("cefixime", "J01DD08"), ("cefpodoxime", "J01DD13"), ("cefdinir", "J01DD15"), ("cefepime", "J01DE01"),
    ("aztreonam", "J01DF01"), ("meropenem", "J01DH02"), ("ertapenem", "J01DH03"), ("doripenem", "J01DH04"),
    ("imipenem", "J01DH51"), ("cilastatin", ""),
    ("trimethoprim", "J01EA01"), ("sulfamethoxazole", "J01EC01"), ("sulfadiazine", "J01EC02"),
    ("sulfasalazine", "A07EC01"),
    ("erythromycin", "J01FA01"), ("clarithromycin", "J01FA09"), ("azithromycin", "J01FA10"),
    ("clindamycin", "J01FF01"), ("ofloxacin", "J01MA01"), ("ciprofloxacin", "J01MA02"), ("norfloxacin", "J01MA06"),
    ("levofloxacin", "J01MA12"), ("moxifloxacin", "J01MA14"),
    ("doxycycline", "J01AA02"), ("tetracycline", "J01AA07"), ("minocycline", "J01AA08"),
    ("tobramycin", "J01GB01"), ("gentamicin", "J01GB03"), ("amikacin", "J01GB06"),
    ("vancomycin", "J01XA01"), ("metronidazole", "J01XD01"), ("nitrofurantoin", "J01XE01"),
    ("fosfomycin", "J01XX01"), ("linezolid", "J01XX08"),
    // Pain and inflammation.
    ("acetylsalicylic acid", "N02BA01"), ("ibuprofen", "M01AE01"), ("naproxen", "M01AE02"),
    ("ketoprofen", "M01AE03"), ("indometacin", "M01AB01"), ("diclofenac", "M01AB05"), ("ketorolac", "M01AB15"),
    ("piroxicam", "M01AC01"), ("meloxicam", "M01AC06"), ("mefenamic acid", "M01AG01"), ("celecoxib", "M01AH01"),
    ("etoricoxib", "M01AH05"), ("paracetamol", "N02BE01"),
    ("morphine", "N02AA01"), ("hydromorphone", "N02AA03"), ("oxycodone", "N02AA05"), ("pethidine", "N02AB02"),
    ("fentanyl", "N02AB03"), ("buprenorphine", "N02AE01"), ("tramadol", "N02AX02"), ("tapentadol", "N02AX06"),
    ("hydrocodone", "R05DA03"), ("codeine", "R05DA04"), ("methadone", "N07BC02"),
    ("prednisolone", "H02AB06"), ("prednisone", "H02AB07"), ("methylprednisolone", "H02AB04"),
    ("dexamethasone", "H02AB02"), ("hydrocortisone", "H02AB09"), ("allopurinol", "M04AA01"),
    ("lidocaine", "N01BB02"), ("bupivacaine", "N01BB01"), ("procaine", "N01BA02"),
    // Heart and vessels.
    ("captopril", "C09AA01"), ("enalapril", "C09AA02"), ("lisinopril", "C09AA03"), ("perindopril", "C09AA04"),
    ("ramipril", "C09AA05"), ("quinapril", "C09AA06"), ("benazepril", "C09AA07"),
    ("losartan", "C09CA01"), ("valsartan", "C09CA03"), ("irbesartan", "C09CA04"), ("candesartan", "C09CA06"),
    ("telmisartan", "C09CA07"), ("olmesartan", "C09CA08"),
    ("simvastatin", "C10AA01"), ("lovastatin", "C10AA02"), ("pravastatin", "C10AA03"), ("fluvastatin", "C10AA04"),
    ("atorvastatin", "C10AA05"), ("rosuvastatin", "C10AA07"), ("ezetimibe", "C10AX09"),
    ("propranolol", "C07AA05"), ("metoprolol", "C07AB02"), ("atenolol", "C07AB03"), ("bisoprolol", "C07AB07"),
    ("nebivolol", "C07AB12"), ("labetalol", "C07AG01"), ("carvedilol", "C07AG02"),
    ("amlodipine", "C08CA01"), ("felodipine", "C08CA02"), ("nifedipine", "C08CA05"), ("verapamil", "C08DA01"),
    ("diltiazem", "C08DB01"),
    ("hydrochlorothiazide", "C03AA03"), ("chlortalidone", "C03BA04"), ("indapamide", "C03BA11"),
    ("furosemide", "C03CA01"), ("bumetanide", "C03CA02"), ("torasemide", "C03CA04"), ("spironolactone", "C03DA01"),
    ("warfarin", "B01AA03"), ("phenprocoumon", "B01AA04"), ("heparin", "B01AB01"), ("enoxaparin", "B01AB05"),
    ("dabigatran", "B01AE07"), ("rivaroxaban", "B01AF01"), ("apixaban", "B01AF02"), ("edoxaban", "B01AF03"),
    ("clopidogrel", "B01AC04"), ("ticagrelor", "B01AC24"), ("digoxin", "C01AA05"), ("amiodarone", "C01BD01"),
    // Metabolism, stomach, breath.
    ("insulin", "A10A"), ("metformin", "A10BA02"), ("glibenclamide", "A10BB01"), ("glipizide", "A10BB07"),
    ("gliclazide", "A10BB09"), ("glimepiride", "A10BB12"), ("pioglitazone", "A10BG03"), ("sitagliptin", "A10BH01"),
    ("liraglutide", "A10BJ02"), ("semaglutide", "A10BJ06"), ("dapagliflozin", "A10BK01"),
    ("empagliflozin", "A10BK03"), ("levothyroxine", "H03AA01"),
    ("omeprazole", "A02BC01"), ("pantoprazole", "A02BC02"), ("lansoprazole", "A02BC03"), ("rabeprazole", "A02BC04"),
    ("esomeprazole", "A02BC05"),
    ("salbutamol", "R03AC02"), ("montelukast", "R03DC03"), ("cetirizine", "R06AE07"), ("loratadine", "R06AX13"),
    // Nerves and mind.
    ("diazepam", "N05BA01"), ("lorazepam", "N05BA06"), ("alprazolam", "N05BA12"), ("clonazepam", "N03AE01"),
    ("temazepam", "N05CD07"), ("midazolam", "N05CD08"), ("zolpidem", "N05CF02"),
    ("fluoxetine", "N06AB03"), ("citalopram", "N06AB04"), ("paroxetine", "N06AB05"), ("sertraline", "N06AB06"),
    ("escitalopram", "N06AB10"), ("amitriptyline", "N06AA09"), ("mirtazapine", "N06AX11"), ("bupropion", "N06AX12"),
    ("venlafaxine", "N06AX16"), ("duloxetine", "N06AX21"),
    ("phenobarbital", "N03AA02"), ("phenytoin", "N03AB02"), ("carbamazepine", "N03AF01"),
    ("oxcarbazepine", "N03AF02"), ("valproic acid", "N03AG01"), ("lamotrigine", "N03AX09"),
    ("topiramate", "N03AX11"), ("levetiracetam", "N03AX14"), ("gabapentin", "N02BF01"), ("pregabalin", "N02BF02"),
];

/// Other names of substances, and combinations, folded.
#[rustfmt::skip]
pub(super) const OTHER_NAMES: &[(&str, &[&str])] = &[
    ("penicillin g", &["benzylpenicillin"]), ("penicillin v", &["phenoxymethylpenicillin"]),
    ("amoxycillin", &["amoxicillin"]), ("clavulanate", &["clavulanic acid"]), ("cephalexin", &["cefalexin"]),
    ("co amoxiclav", &["amoxicillin", "clavulanic acid"]), ("augmentin", &["amoxicillin", "clavulanic acid"]),
    ("keflex", &["cefalexin"]), ("co trimoxazole", &["sulfamethoxazole", "trimethoprim"]),
    ("cotrimoxazole", &["sulfamethoxazole", "trimethoprim"]), ("bactrim", &["sulfamethoxazole", "trimethoprim"]),
    ("septra", &["sulfamethoxazole", "trimethoprim"]), ("zithromax", &["azithromycin"]), ("cipro", &["ciprofloxacin"]),
    ("aspirin", &["acetylsalicylic acid"]), ("asa", &["acetylsalicylic acid"]), ("advil", &["ibuprofen"]),
    ("motrin", &["ibuprofen"]), ("nurofen", &["ibuprofen"]), ("aleve", &["naproxen"]), ("voltaren", &["diclofenac"]),
    ("indomethacin", &["indometacin"]), ("acetaminophen", &["paracetamol"]), ("tylenol", &["paracetamol"]),
    ("panadol", &["paracetamol"]), ("meperidine", &["pethidine"]), ("percocet", &["oxycodone", "paracetamol"]),
    ("vicodin", &["hydrocodone", "paracetamol"]), ("norco", &["hydrocodone", "paracetamol"]),
    ("co codamol", &["codeine", "paracetamol"]), ("lignocaine", &["lidocaine"]),
    ("zestril", &["lisinopril"]), ("prinivil", &["lisinopril"]), ("norvasc", &["amlodipine"]),
    ("lipitor", &["atorvastatin"]), ("crestor", &["rosuvastatin"]), ("zocor", &["simvastatin"]),
    ("hctz", &["hydrochlorothiazide"]), ("chlorthalidone", &["chlortalidone"]), ("torsemide", &["torasemide"]),
    ("frusemide", &["furosemide"]), ("lasix", &["furosemide"]), ("coumadin", &["warfarin"]),
    ("eliquis", &["apixaban"]), ("xarelto", &["rivaroxaban"]), ("plavix", &["clopidogrel"]),
    ("glucophage", &["metformin"]), ("glyburide", &["glibenclamide"]), ("januvia", &["sitagliptin"]),
    ("ozempic", &["semaglutide"]), ("synthroid", &["levothyroxine"]), ("albuterol", &["salbutamol"]),
    ("ventolin", &["salbutamol"]), ("prilosec", &["omeprazole"]), ("nexium", &["esomeprazole"]),
    ("zoloft", &["sertraline"]), ("prozac", &["fluoxetine"]), ("lexapro", &["escitalopram"]),
    ("valium", &["diazepam"]), ("xanax", &["alprazolam"]), ("ativan", &["lorazepam"]),
    ("tegretol", &["carbamazepine"]), ("valproate", &["valproic acid"]), ("insulin glargine", &["insulin"]),
    ("insulin lispro", &["insulin"]), ("insulin aspart", &["insulin"]), ("insulin degludec", &["insulin"]),
];

/// Words in names of medicines and allergies that name no substance: strengths, forms, salts, and what people add.
#[rustfmt::skip]
pub(super) const NO_SUBSTANCE: &[&str] = &[
    "mg", "g", "mcg", "ug", "ml", "l", "iu", "unit", "units", "meq", "percent",
    "tablet", "tablets", "tab", "tabs", "capsule", "capsules", "cap", "caps", "oral", "solution", "suspension", "syrup",
    "injection", "injectable", "cream", "ointment", "gel", "patch", "patches", "drops", "spray", "inhaler", "powder",
    "pen", "vial", "iv", "im", "sc", "po", "xr", "er", "sr", "cr", "la", "xl", "ir", "dr", "ec", "mr", "od", "bd", "hfa",
    "extended", "modified", "delayed", "immediate", "slow", "release", "low", "high", "dose", "strength", "forte",
    "generic", "and", "with", "plus", "or", "per", "daily", "once", "twice", "the", "a", "of", "in",
    "hydrochloride", "hcl", "sodium", "potassium", "calcium", "magnesium", "maleate", "besylate", "besilate",
    "tartrate", "succinate", "fumarate", "phosphate", "sulfate", "sulphate", "acetate", "mesylate", "mesilate",
    "citrate", "bromide", "chloride", "nitrate", "trihydrate", "monohydrate", "dihydrate", "anhydrous", "bitartrate",
    "allergy", "allergies", "allergic", "to", "reaction", "intolerance", "anaphylaxis", "drug", "drugs", "medicine",
    "medicines", "antibiotic", "antibiotics", "all", "any", "severe", "mild", "moderate",
];

/// Words of allergies that are to no medicine, and of there being none.
#[rustfmt::skip]
pub(super) const NO_MEDICINE: &[&str] = &[
    "peanut", "peanuts", "nut", "nuts", "tree", "walnut", "walnuts", "almond", "almonds", "hazelnut", "hazelnuts",
    "cashew", "cashews", "egg", "eggs", "milk", "dairy", "soy", "soya", "wheat", "gluten", "fish", "shellfish",
    "shrimp", "seafood", "sesame", "strawberry", "strawberries", "kiwi", "celery", "mustard", "lactose", "food", "foods",
    "pollen", "grass", "birch", "ragweed", "hay", "fever", "dust", "house", "mite", "mites", "mold", "mould", "cat",
    "cats", "dog", "dogs", "horse", "hair", "dander", "pet", "pets", "bee", "bees", "wasp", "wasps", "sting", "stings",
    "venom", "insect", "insects", "latex", "nickel", "seasonal",
    "no", "none", "known", "nkda", "nka",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_of_one_piece() {
        let names: BTreeSet<&str> = SUBSTANCES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), SUBSTANCES.len(), "a substance stands there once");
        for (other, all) in OTHER_NAMES {
            assert!(!names.contains(other), "{other}");
            assert!(all.iter().all(|name| names.contains(name)), "{other}");
        }
        let codes: Vec<&str> = SUBSTANCES.iter().map(|(_, atc)| *atc).filter(|atc| atc.len() == 7).collect();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "a code stands there once");
        for name in names.iter().chain(OTHER_NAMES.iter().map(|(name, _)| name)) {
            assert_eq!(vault::words(name).join(" "), **name, "folded");
        }
        for (one, other) in CROSS_REACTIVE {
            assert!([one, other].iter().all(|name| CLASSES.iter().any(|class| class.name == **name)));
        }
    }
}

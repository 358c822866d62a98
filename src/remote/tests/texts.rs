//! Texts of many kinds, and long texts made of them.

/// Languages, scripts and forms: a name and a few lines.
pub(super) const KINDS: &[(&str, &str)] = &[
    (
        "english",
        "The ferry left the harbour at seven, and nobody on the quay could say who had paid for the lamps. In the annual \
         report the committee noted, without further comment, that the lighthouse keeper's salary had not been raised \
         since the storm. \"We were told to wait,\" he said, \"and so we waited.\" Later that evening she walked along the \
         shore, counted the boats, and wrote everything down in a small green notebook.",
    ),
    (
        "german",
        "Die Fähre legte um sieben Uhr ab, und niemand am Kai konnte sagen, wer die Laternen bezahlt hatte. Im \
         Jahresbericht vermerkte der Ausschuss ohne weitere Begründung, dass das Gehalt des Leuchtturmwärters seit der \
         Sturmflut nicht erhöht worden sei. Die Geschwindigkeitsbegrenzung für Frachtschiffe gilt weiterhin.",
    ),
    (
        "finnish",
        "Lautta lähti satamasta kello seitsemän, eikä kukaan laiturilla osannut sanoa, kuka lyhdyt oli maksanut. \
         Vuosikertomuksessa toimikunta totesi lyhyesti, ettei majakanvartijan palkkaa ollut korotettu myrskyn jälkeen. \
         Illalla hän käveli rannalla, laski veneet ja kirjoitti kaiken muistiin vihreään vihkoonsa.",
    ),
    (
        "hungarian",
        "A komp hétkor indult el a kikötőből, és a rakparton senki sem tudta megmondani, ki fizette ki a lámpásokat. Az \
         éves jelentésben a bizottság röviden megjegyezte, hogy a világítótorony őrének fizetését a vihar óta nem emelték.",
    ),
    (
        "polish",
        "Prom odpłynął z portu o siódmej i nikt na nabrzeżu nie potrafił powiedzieć, kto zapłacił za latarnie. W \
         sprawozdaniu rocznym komisja zauważyła krótko, że pensja latarnika nie wzrosła od czasu sztormu.",
    ),
    (
        "turkish",
        "Feribot saat yedide limandan ayrıldı ve rıhtımdaki hiç kimse fenerlerin parasını kimin ödediğini söyleyemedi. \
         Yıllık raporda komisyon, deniz feneri bekçisinin maaşının fırtınadan beri artırılmadığını kısaca belirtti.",
    ),
    (
        "vietnamese",
        "Chiếc phà rời bến lúc bảy giờ, và không ai trên cầu cảng biết ai đã trả tiền cho những ngọn đèn. Trong báo cáo \
         thường niên, ủy ban chỉ ghi ngắn gọn rằng lương của người gác hải đăng không tăng kể từ sau cơn bão.",
    ),
    (
        "swahili",
        "Kivuko kiliondoka bandarini saa moja asubuhi, na hakuna mtu gatini aliyeweza kusema ni nani aliyelipia taa. \
         Katika ripoti ya mwaka kamati iliandika kwa kifupi kwamba mshahara wa mlinzi haukuongezwa tangu dhoruba.",
    ),
    (
        "russian",
        "Паром отошёл от пристани в семь часов, и никто на набережной не мог сказать, кто заплатил за фонари. В годовом \
         отчёте комиссия кратко отметила, что жалованье смотрителя маяка не повышали со времени бури.",
    ),
    (
        "ukrainian",
        "Пором відійшов від пристані о сьомій годині, і ніхто на набережній не міг сказати, хто заплатив за ліхтарі. У \
         річному звіті комісія коротко зазначила, що платню доглядача маяка не підвищували від часу бурі.",
    ),
    (
        "greek",
        "Το πλοίο έφυγε από το λιμάνι στις επτά και κανείς στην αποβάθρα δεν μπορούσε να πει ποιος πλήρωσε τα φανάρια. \
         Στην ετήσια έκθεση η επιτροπή σημείωσε ότι ο μισθός του φαροφύλακα δεν αυξήθηκε.",
    ),
    (
        "hebrew",
        "המעבורת יצאה מהנמל בשעה שבע, ואיש על הרציף לא ידע לומר מי שילם על הפנסים. בדוח השנתי ציינה הוועדה בקצרה ששכרו \
         של שומר המגדלור לא הועלה מאז הסערה.",
    ),
    (
        "arabic",
        "غادرت العبّارة الميناء في السابعة، ولم يستطع أحد على الرصيف أن يقول من دفع ثمن المصابيح. وفي التقرير السنوي \
         ذكرت اللجنة باختصار أن راتب حارس المنارة لم يُرفع منذ العاصفة.",
    ),
    (
        "hindi",
        "नाव सात बजे बंदरगाह से चली, और घाट पर कोई नहीं बता सका कि लालटेनों का पैसा किसने दिया। वार्षिक रिपोर्ट में समिति ने \
         संक्षेप में लिखा कि तूफ़ान के बाद से प्रहरी का वेतन नहीं बढ़ा।",
    ),
    (
        "tamil",
        "படகு ஏழு மணிக்குத் துறைமுகத்தை விட்டுச் சென்றது, விளக்குகளுக்கு யார் பணம் கொடுத்தார்கள் என்று யாருக்கும் தெரியவில்லை.",
    ),
    ("thai", "เรือข้ามฟากออกจากท่าเวลาเจ็ดโมง และไม่มีใครบนท่าเรือบอกได้ว่าใครเป็นคนจ่ายค่าโคมไฟ รายงานประจำปีกล่าวไว้สั้นๆ"),
    (
        "georgian",
        "ბორანი შვიდ საათზე გავიდა ნავსადგურიდან და ნაპირზე ვერავინ თქვა, ვინ გადაიხადა ფარნების ფული.",
    ),
    (
        "chinese",
        "渡轮七点钟离开港口，码头上没有人能说清楚是谁付了灯笼的钱。委员会在年度报告中简短地指出，自从那场风暴以来，灯塔看守人的工资一直没有提高。",
    ),
    (
        "taiwanese",
        "渡輪七點鐘離開港口，碼頭上沒有人能說清楚是誰付了燈籠的錢。委員會在年度報告中簡短地指出，燈塔看守人的薪資一直沒有提高。",
    ),
    (
        "japanese",
        "フェリーは七時に港を出たが、桟橋にいた誰も、ランプの代金を誰が払ったのか言えなかった。年次報告書で委員会は、灯台守の給料が嵐の後から上がっていないと短く記した。",
    ),
    (
        "korean",
        "나룻배는 일곱 시에 항구를 떠났고, 부두에 있던 누구도 등불 값을 누가 냈는지 말하지 못했다. 연례 보고서에서 위원회는 등대지기의 급료가 오르지 않았다고 적었다.",
    ),
    (
        "rust",
        "impl Iterator for Boats<'_> {\n    type Item = Boat;\n\n    fn next(&mut self) -> Option<Self::Item> {\n        let \
         line = self.lines.next()?;\n        if line.is_empty() {\n            return None;\n        }\n        \
         Some(Boat { name: line.trim().to_owned(), tons: self.tons(line).unwrap_or(0) })\n    }\n}\n",
    ),
    (
        "json",
        "{\"boat\": {\"id\": 40172, \"name\": \"Ingrid\", \"tons\": 318.5, \"owner\": null, \"ports\": [\"Bergen\", \
         \"Hull\"], \"paid\": true}, \"lamps\": [{\"w\": 40, \"lit\": false}, {\"w\": 60, \"lit\": true}]}\n",
    ),
    (
        "table",
        "| port | boats | tons | 2019 | 2020 |\n|---|---:|---:|---:|---:|\n| Bergen | 112 | 40,318 | 1.02 | 0.97 |\n| \
         Hull | 87 | 29,004 | 0.88 | 1.13 |\n| Thurso | 9 | 812 | 0.40 | 0.38 |\n",
    ),
    (
        "numbers",
        "1913-04-02,318.50,-0.0042,77,1000000\n1913-04-03,319.25,0.0024,81,999871\n1913-04-04,305.00,-0.0446,12,4\n",
    ),
    (
        "hex",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 4e07408562bedb8b60ce05c1decfe3ad16b7223\n",
    ),
    (
        "capitals",
        "NOTICE TO ALL MARINERS: THE LIGHT AT SKERRY POINT IS OUT. VESSELS OVER 300 TONS MUST TAKE A PILOT.\n",
    ),
    (
        "layout",
        "Section 1\n\n\n        Boats            Tons           Lamps\n        Ingrid            318              40\n\n",
    ),
    ("emoji", "The lamps are lit again 🎉🎉 thank you all 🙏🏽 ❤️ see you at the quay ⛴️ tonight 👨‍👩‍👧 🇳🇴\n"),
    (
        "links",
        "https://example.org/ports/bergen?year=1913&sort=tons#lamps and mailto:keeper@skerry-point.example\n",
    ),
    (
        "rules",
        "=====================================\n-------------------------------------\n* * * * * * * * * * *\n",
    ),
];

/// Returns the text with that name.
pub(super) fn kind(name: &str) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).unwrap()
}

/// Numbers that look random and are the same every time.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    /// Returns the next number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// Returns some `bytes` of a kind: its sentences or lines in another order, with a word changed here and there.
pub(super) fn long(name: &str, bytes: usize, seed: u64) -> String {
    let text = kind(name);
    let parts: Vec<&str> = text.split_inclusive(['.', '\n', '。', ',', '，', '।']).collect();
    let mut draw = Draw(seed);
    let mut long = String::with_capacity(bytes + 400);
    while long.len() < bytes {
        let part = parts[draw.below(parts.len())];
        long.push_str(part);
        if !part.ends_with('\n') && part.is_ascii() && !long.ends_with(' ') {
            long.push(' ');
        }
        if draw.below(9) == 0 {
            long += &draw.below(4000).to_string();
            long.push(' ');
        }
        if draw.below(12) == 0 {
            long.push('\n');
        }
    }
    long
}

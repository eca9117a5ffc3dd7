// Two small vocabularies: English in lower case, and Korean with cased Latin.
// Both spell letter by letter what they have no longer piece for.
const special = ['[PAD]', '[unused0]', '[unused1]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

function range (from, to) {
  const list = []
  for (let c = from.codePointAt(0); c <= to.codePointAt(0); c++) list.push(String.fromCodePoint(c))
  return list
}

const ascii = range('!', '~').filter(c => !/[a-zA-Z0-9]/.test(c))
const digits = range('0', '9')
const small = range('a', 'z')
const capital = range('A', 'Z')
const both = list => [...list, ...list.map(c => '##' + c)]
const unique = list => [...new Set(list)]

const english = `the of and to in is it that was for on are as with be at by this have from or had not but what all were
when we there can an your which their said if do will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down only way
find use may water long little very after words called just where most know quick brown fox jump lazy dog hello world
state art really cost stop do again sleep amuse run new york cafe naive angstrom istanbul strasse final all wide byte
order mark soft hyphen zero width join word nul bell line separate paragraph next vertical form file unit replace
private use left right isolate start quote curly single hash unknown snow man end one token see ent lead tail both
email example com http`.split(/\s+/)

const pieces = `##s ##ed ##ing ##er ##ly ##es ##est ##ion ##tion ##ment ##ness ##able ##or ##en ##al ##ity ##ful ##less
##th ##st ##nd ##re ##on ##in ##an ##ab ##bc ##aa ##aaaa ##ps ##ple ##et ##te ##ate ##ize ##token ##word ##york`.split(/\s+/)

// What is left of other scripts once accents are stripped and letters lowered.
const letters = 'ßæøđıłñéåöüïçšžőþðαβγδεζηθικλμνξοπρσςτυφχψω' +
  'абвгдежзийклмнопрстуфхцчшщъыьэюя한국'
const jamo = [...range('\u1100', '\u1112'), ...range('\u1161', '\u1175'), ...range('\u11a8', '\u11c2')]
const marks = '\u0301\u0307\u0308\u0323\u302e\u302f\u{1d165}\u{1d16e}\u07fd\u1dfa'
const scripts = 'ابتثجحخدذرزسشصضطظعغفقكلمنهوي' + 'אבגדהוזחטיכלמנסעפצקרשת' + 'अआइईकखगघचजटडतदनपबमयरलवशसहािीेो' +
  'กขคงจชซญดตทนบปพฟมยรลวสหอฮะาเแโใไ' + 'あいうえおかがきくけこさしすせそたちつてとなにのはひふへほまみむめもらりるれろわをん' + 'アイウエオカキクケコサシスタナハパマヤラワン'
const ideographs = '日本語中文漢字大小人一\u3400\u4dbf\u9fff\u{20000}\u{2a6df}\u{2b920}類朗鶴'
const symbols = '’“”‘…—–«»、。「」！？·•€£₩👍😀❤☃①'

exports.en = () => unique([
  ...special, ...ascii, ...both(digits), ...both(small), ...both([...letters]), ...both(jamo),
  ...both([...marks]), ...both([...scripts]), ...ideographs, ...symbols, ...english, ...pieces,
  'a'.repeat(100), '[', '##a\u0301', 'İ', '##İ'
])

const korean = `안녕 하세요 세계 한국 한국어 한국의 토큰 토큰화 시험 합니다 나는 오늘 아침 밥 먹 서울 특별시 서울은 년 월 일
열린 검색 세미나 영어 섞어 쓰기 한글 한자 섞인 수도 어디 인가 가장 큰 도시 한강 흐른다 이다 이며 의 를 을 은 는 이 가 에서 에`.split(/\s+/)
const koreanPieces = `##어 ##하세요 ##의 ##를 ##을 ##은 ##는 ##이 ##가 ##에 ##에서 ##다 ##이다 ##합니다 ##화 ##밥 ##었다 ##시
##특별시 ##도 ##이며 ##인가 ##한국어 ##영어 ##검색 ##세미나`.split(/\s+/)
const syllables = '가각나다라마바사아자차카타파하한국어글안녕세계요토큰화시험합니오늘침밥먹었서울특별년월일열린검색미영섞쓰기수도디인장큰강흐른씨뷁'
const cased = `The AI Hello New York Mixed The Don Straße İstanbul É Å Ω Й Ё`.split(/\s+/)

exports.ko = () => unique([
  ...special, ...ascii, ...both(digits), ...both([...capital, ...small]), ...both([...syllables]),
  ...both([...letters]), ...both(jamo), ...both([...marks]), ...both([...'İĞŞÉÅÖÜΟΔΥΣΕЙЁПД각ᄀ']),
  ...both([...scripts]), ...ideographs, ...symbols, ...korean, ...koreanPieces, ...english.slice(0, 120),
  ...pieces.slice(0, 24), ...cased
])

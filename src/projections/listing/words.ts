import { postgresClasses } from '../../platform/text/characters.ts';
import { fold } from '../../platform/text/schema.ts';

const { emoji, flagLetters, withoutSpaces, separators } = postgresClasses;

/**
 * A word is found by its beginning. More than this of it would be of no use: a search has at most 200 characters, and PostgreSQL indexes
 * no lexeme of more than 2,046 bytes.
 */
const MAX_LEXEME_LENGTH = 250;
/** In bytes: a shorter text has no word that PostgreSQL would leave out. */
const MAX_UNCHECKED_LENGTH = 2_000;

/**
 * What a text is searched by. PostgreSQL's own parser is used only for text whose words are of ASCII letters and digits: it takes other
 * characters for letters or not by the locale of the database, knows addresses and numbers, and leaves long words out.
 *
 * A text without spaces, as in Chinese or Thai, is indexed by its pieces of two characters, each at the place of its first character, so
 * that consecutive pieces are a longer one. Its first character is a lexeme too, which a search for one character finds, and so is its last
 * one, followed by `|`, which the end of such a text before another word is found by. The text takes as many places as it has characters:
 * the pieces of two texts are never consecutive.
 *
 * Functions that call each other are bound to the schema they are made in, which is that of one generation: they are written in SQL.
 */
export const wordFunctions = `
-- The words of a text as they are compared, with spaces between them.
create function separated(content text) returns text language plpgsql immutable strict parallel safe as $$
declare
  folded text := ${fold}(content);
begin
  if octet_length(folded) = length(folded) then
    folded := regexp_replace(folded, '[^a-z0-9#+]+', ' ', 'g');
  else
    folded := regexp_replace(folded, '[${separators}]+', ' ', 'g');
    folded := regexp_replace(folded, '([${flagLetters}]{1,2}|[${emoji}]|[${withoutSpaces}]+)', ' \\1 ', 'g');
  end if;
  if folded ~ '[#+]' then
    folded := regexp_replace(regexp_replace(folded, '([#+])(?=[^ #+])', '\\1 ', 'g'), '(^| )[#+]+', ' ', 'g');
  end if;
  return folded;
end $$;

create function vector_of(words text) returns tsvector language plpgsql immutable strict parallel safe as $$
declare
  word text;
  piece text;
  piece_before text;
  place integer := 0;
  lexemes text[] := '{}';
begin
  -- What looks like 1e5 is a number to PostgreSQL's parser, even within a longer word.
  if octet_length(words) = length(words) and length(words) < ${MAX_UNCHECKED_LENGTH} and words !~ '[#+]|[0-9]e[0-9]' then
    return to_tsvector('simple', words);
  end if;
  foreach word in array string_to_array(words, ' ') loop
    if word = '' then
      continue;
    elsif word ~ '^[${withoutSpaces}]' then
      piece_before := null;
      foreach piece in array string_to_array(word, null) loop
        if piece_before is null then
          lexemes := lexemes || ('''' || piece || ''':' || place + 1);
        else
          lexemes := lexemes || ('''' || piece_before || piece || ''':' || place);
        end if;
        piece_before := piece;
        place := place + 1;
      end loop;
      lexemes := lexemes || ('''' || piece_before || '|'':' || place);
    else
      place := place + 1;
      lexemes := lexemes || ('''' || left(word, ${MAX_LEXEME_LENGTH}) || ''':' || place);
    end if;
  end loop;
  return array_to_string(lexemes, ' ')::tsvector;
end $$;

create function words(content text) returns tsvector language sql immutable strict parallel safe
  return vector_of(separated(content));
create function words(tags text[]) returns tsvector language sql immutable strict parallel safe
  return vector_of(separated(array_to_string(tags, ' ')));

-- What finds a term: its words one after another, the last one by its beginning unless it is a phrase. Of a task the words must be in one
-- field, and the fields are told apart by their weights.
create function query_of(words text, is_phrase boolean, is_of_task boolean) returns tsquery language plpgsql immutable strict parallel safe as $$
declare
  word text;
  piece text;
  sought text := '';
  all_words text[] := array_remove(string_to_array(words, ' '), '');
  number integer := 0;
  place integer := 0;
  place_before integer;
  count integer := 0;
begin
  foreach word in array all_words loop
    number := number + 1;
    if word !~ '^[${withoutSpaces}]' then
      piece := '''' || left(word, ${MAX_LEXEME_LENGTH}) || ''':' || case when number = cardinality(all_words) and not is_phrase then '*' else '' end || '~';
      sought := sought || coalesce(' <' || place - place_before || '> ', '') || piece;
      place_before := place;
      count := count + 1;
    elsif length(word) = 1 then
      sought := sought || coalesce(' <' || place - place_before || '> ', '')
        || '''' || word || case when number = cardinality(all_words) then '' else '|' end || ''':~';
      place_before := place;
      count := count + 1;
    else
      for n in 1 .. length(word) - 1 loop
        sought := sought || coalesce(' <' || place + n - 1 - place_before || '> ', '') || '''' || substr(word, n, 2) || ''':~';
        place_before := place + n - 1;
        count := count + 1;
      end loop;
    end if;
    place := place + case when word ~ '^[${withoutSpaces}]' then length(word) else 1 end;
  end loop;
  if count < 2 or not is_of_task then
    return replace(replace(sought, ':~', ''), '~', '')::tsquery;
  end if;
  return ('(' || replace(sought, '~', 'A') || ') | (' || replace(sought, '~', 'B') || ') | (' || replace(sought, '~', 'C') || ')')::tsquery;
end $$;

create function search_query(term text, is_phrase boolean, is_of_task boolean) returns tsquery language sql immutable strict parallel safe
  return query_of(separated(term), is_phrase, is_of_task);
`;

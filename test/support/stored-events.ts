/** SQL that gives each event of a SQLite file a row of its own, so that a test can spoil one of them by `typeOf` and `subjectOf`. */
export const separateEvents = `create temp table separate as
    select e.seq - json_array_length(e.list) + 1 + event.key as seq, e.time as time, json_array(json(event.value)) as list
    from events e cross join json_each(e.list) event;
  delete from events; insert into events select * from separate; drop table separate; `

export const typeOf = `list ->> '$[0][0]'`
export const subjectOf = `list ->> '$[0][1]'`

-- A commit that joins a transaction waits for locks no longer than any other.

DROP FUNCTION {schema}.commit_joined(integer, text, json);

-- Apply one commit within the caller's transaction. Where that transaction sees the store as it was earlier, what was
-- changed since is a refusal too, and so is a lock that is not had in time: nothing here may spoil the caller's
-- transaction. The caller's own lock_timeout holds where it is shorter, and stands again afterwards; what a refusal
-- undoes, it undoes with the rest.
CREATE FUNCTION {schema}.commit_joined(its_namespace integer, channel text, patience text, changes json) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS ${body}$
DECLARE
    usual text := current_setting('lock_timeout');
BEGIN
    IF usual = '0' OR usual::interval > patience::interval THEN
        PERFORM set_config('lock_timeout', patience, true);
    END IF;
    PERFORM {schema}.apply(its_namespace, channel, changes);
    PERFORM set_config('lock_timeout', usual, true);
    RETURN NULL;
EXCEPTION
    WHEN SQLSTATE 'AW001' THEN
        RETURN SQLERRM;
    WHEN serialization_failure OR unique_violation THEN
        RETURN '["snapshot", "", 0, 0]';
    WHEN lock_not_available THEN
        RETURN '["locked", "", 0, 0]';
END
${body}$;
